/**
 * Tells clients once a second what has changed in what they look at: one frame a room, and private ones for what a
 * client follows, or has missed. Whoever doesn't read leaves the rooms, gets one difference when it does, and is cut off
 * after half a minute: memory is bounded, whatever clients do.
 */
import { randomUUID } from 'node:crypto';
import { Counter, Gauge, type Registry } from 'prom-client';
import { FrameWriter, KIND_ALL, KIND_CHANGES, packFlags } from '../../shared/frame.ts';
import type { DeviceNames, ViewAnswer } from '../../shared/live.ts';
import { NOWHERE } from '../fleet/columns.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { cellsOf } from './cells.ts';
import type { Client } from './client.ts';
import { insideOf, look, type Look, type ViewFilter } from './look.ts';
import { Rooms, sees } from './rooms.ts';

const CUT_MS = 30_000;
/** Some times what the largest view takes: whoever has left so much unread is cut off at once. */
const CUT_BYTES = 16_000_000;
const MAX_POINTS = 20_000;
const MAX_POINTS_SMALL = 2000;
/** What is counted for a client, and which devices pass its filter, is looked for anew after so long. */
const LOOK_MS = 3000;
/** A fleet that was not too large may have grown, if its inventory has changed. */
const GROWN_MS = 10_000;
/** What is asked for by scanning the fleet: so many clients a tick. */
const SCANS_A_TICK = 20;
const OVERLAP_MS = 5000;
/** Differences don't reach further back: whoever was away for longer gets everything. */
const RESUME_MS = 3_600_000;
/** So many devices are told of at once in a second; who asks then gets them in the next: or the unsent would fill the memory. */
const TOLD_A_TICK = 400_000;
/** Names that go into one message: small enough that its text is garbage at once, however many clients come at a time. */
const NAMES_AT_ONCE = 500;

export class Publisher {
	/** Numbers hold within one run of one process. */
	readonly epoch = randomUUID();
	readonly #fleet: Fleet;
	readonly #clients = new Set<Client>();
	readonly #rooms = new Rooms<Client>();
	/** When the inventory last changed. */
	#namesAt = 0;
	/** Devices of whole views that were sent since the last tick. */
	#told = 0;
	readonly #sentBytes: Counter;
	readonly #cut: Counter;

	constructor(fleet: Fleet, metrics: Registry) {
		this.#fleet = fleet;
		this.#sentBytes = new Counter({
			name: 'omnitrack_live_bytes_total',
			help: 'Bytes of live frames sent',
			registers: [metrics],
		});
		this.#cut = new Counter({
			name: 'omnitrack_live_cut_total',
			help: 'Clients cut off as they did not read',
			registers: [metrics],
		});
		const gauge = (name: string, help: string, value: () => number) =>
			new Gauge({
				name,
				help,
				registers: [metrics],
				collect() {
					this.set(value());
				},
			});
		gauge('omnitrack_live_clients', 'Open live connections', () => this.#clients.size);
		gauge(
			'omnitrack_live_stalled',
			'Clients that do not read at present',
			() => [...this.#clients].filter((c) => c.stalledSince !== null).length,
		);
		gauge('omnitrack_live_rooms', 'Rooms that somebody is in', () => this.#rooms.size);
		fleet.on('names', (places) => {
			this.#namesAt = fleet.now();
			for (const client of this.#clients) for (const at of places) client.forget(at);
		});
	}

	get clients(): ReadonlySet<Client> {
		return this.#clients;
	}

	add(client: Client): void {
		this.#clients.add(client);
	}

	remove(client: Client): void {
		this.#clients.delete(client);
		this.#rooms.leave(client);
		client.trace?.stop();
	}

	/** What a client looks at from now on. With since and our epoch it gets what has changed, else everything. */
	view(
		client: Client,
		tiles: string[],
		small: boolean,
		since: number | null,
		filter: ViewFilter | null = null,
	): ViewAnswer {
		client.tiles = tiles;
		client.small = small;
		client.filter = filter;
		// Whoever has not read the last answer gets one when it has, whatever it asks until then.
		client.owed = client.isFull || this.#told > TOLD_A_TICK;
		if (client.owed) client.stalledSince ??= Date.now();
		const seen = this.#look(client);
		if (client.owed) this.#rooms.leave(client);
		else this.#sendView(client, seen, since);
		return { ok: true, mode: client.mode === 'cells' ? 'cells' : 'points', devices: seen.found.length };
	}

	/** Rights are others: everything anew, under the new ones. */
	seesOtherwise(client: Client): void {
		if (client.mode !== 'none') this.#viewAgain(client, null);
	}

	#viewAgain(client: Client, since: number | null): void {
		this.view(client, client.tiles, client.small, since, client.filter);
	}

	/** Looks the fleet over for a client, and decides how it is told of it. */
	#look(client: Client): Look {
		const most = client.small ? MAX_POINTS_SMALL : MAX_POINTS;
		const now = this.#fleet.now();
		const seen = look(this.#fleet.columns, client.visibility, client.tiles, client.filter, now);
		client.mode = seen.found.length <= most ? 'points' : 'cells';
		client.tooMany = seen.devices > most;
		client.lookedAt = now;
		return seen;
	}

	#sendView(client: Client, seen: Look, since: number | null): void {
		const before = client.picked;
		client.picked = null;
		if (client.tooMany) this.#sendOverview(client, seen);
		if (client.mode === 'cells') {
			this.#rooms.leave(client);
			this.#sendCells(client, seen.found);
			return;
		}
		const now = this.#fleet.now();
		if (client.filter === null) this.#rejoin(client);
		else {
			this.#rooms.leave(client);
			client.picked = new Set(seen.found);
		}
		if (since === null || now - since >= RESUME_MS || (client.filter !== null && before === null))
			this.#send(client, KIND_ALL, seen.found, []);
		else this.#catchUp(client, since, before);
		client.sentUntil = now;
	}

	watch(client: Client, ids: readonly string[]): void {
		client.watched = new Set(ids.map(BigInt));
		client.followed = [];
		if (client.isFull) {
			client.stalledSince ??= Date.now();
			this.#rooms.leave(client);
		} else this.#tellWatched(client, null);
	}

	pause(client: Client): void {
		client.paused = true;
		this.#rooms.leave(client);
	}

	resume(client: Client): void {
		if (!client.paused) return;
		client.paused = false;
		if (client.stalledSince === null) this.#back(client);
	}

	/** Once a second. */
	tick(): void {
		const { columns } = this.#fleet;
		const dirty = this.#fleet.dirty;
		this.#fleet.dirty = new Set();
		const now = this.#fleet.now();
		let scans = 0;
		this.#told = 0;
		for (const client of this.#clients) {
			client.requests = 0;
			if (this.#watchReading(client, scans < SCANS_A_TICK)) scans++;
		}
		for (const { room, places, gone } of this.#rooms.tell(columns, dirty)) {
			const bytes = this.#encode(KIND_CHANGES, places, gone);
			for (const client of room.clients) this.#sendFrame(client, bytes, places);
		}
		for (const client of this.#clients) {
			if (client.paused || client.stalledSince !== null) continue;
			client.sentUntil = now;
			this.#tellWatched(client, dirty);
			this.#tellPicked(client, dirty);
			if (scans < SCANS_A_TICK && this.#isDue(client, now)) {
				scans++;
				this.#lookAgain(client);
			}
		}
	}

	#isDue(client: Client, now: number): boolean {
		if (client.mode === 'none') return false;
		if (client.tooMany) return now - client.lookedAt > LOOK_MS;
		return this.#namesAt > client.lookedAt && now - client.lookedAt > GROWN_MS;
	}

	/** What has changed for a client without being a change of a device in its room. */
	#lookAgain(client: Client): void {
		const { mode, tooMany, picked } = client;
		const seen = this.#look(client);
		if (client.mode !== mode || client.tooMany !== tooMany) {
			if (tooMany && !client.tooMany) this.#sendOverview(client, seen);
			this.#sendView(client, seen, null);
			return;
		}
		if (client.tooMany) this.#sendOverview(client, seen);
		if (client.mode === 'cells') this.#sendCells(client, seen.found);
		else if (picked !== null) {
			client.picked = new Set(seen.found);
			const fresh = seen.found.filter((at) => !picked.has(at));
			this.#send(client, KIND_CHANGES, fresh, this.#leftOf(client, picked));
		}
	}

	/** Of what it had picked, what it has no longer, unless it watches it. */
	#leftOf(client: Client, before: ReadonlySet<number>): number[] {
		return [...before].filter((at) => client.picked?.has(at) !== true && !client.followed.includes(at));
	}

	/** Of its filtered view, those that have changed, and those that it may see no more. */
	#tellPicked(client: Client, dirty: ReadonlySet<number>): void {
		if (client.picked === null) return;
		const { columns } = this.#fleet;
		const places: number[] = [];
		const gone: number[] = [];
		for (const at of dirty) {
			if (!client.picked.has(at) || client.followed.includes(at)) continue;
			if (sees(client.visibility, columns.inventory[at]?.group) && columns.inventory[at]) places.push(at);
			else {
				gone.push(at);
				client.picked.delete(at);
			}
		}
		this.#send(client, KIND_CHANGES, places, gone);
	}

	/** Does it read? True: a difference was sent, which costs a scan. */
	#watchReading(client: Client, mayScan: boolean): boolean {
		if (client.isBehind) {
			if (client.stalledSince === null) {
				client.stalledSince = Date.now();
				this.#rooms.leave(client);
			}
			if (Date.now() - client.stalledSince > CUT_MS || client.backlog > CUT_BYTES) {
				this.#cut.inc();
				client.socket.disconnect(true);
			}
			return false;
		}
		if (client.stalledSince === null || !mayScan) return false;
		client.stalledSince = null;
		if (client.paused) return false;
		this.#back(client);
		return true;
	}

	#back(client: Client): void {
		if (client.mode === 'points') {
			this.#viewAgain(client, client.owed ? null : client.sentUntil);
		} else if (client.mode === 'cells') {
			this.#viewAgain(client, null);
		}
		this.#tellWatched(client, null);
	}

	#rejoin(client: Client): void {
		if (!client.paused && client.stalledSince === null) this.#rooms.join(client, client.visibility, client.tiles);
	}

	/**
	 * What has changed since then; also what has moved out of the view, whose point would stay otherwise, and what it may
	 * see no more. `before`: what it had of a filtered view.
	 */
	#catchUp(client: Client, since: number, before: ReadonlySet<number> | null): void {
		const { columns } = this.#fleet;
		const { picked } = client;
		const inside = picked === null ? insideOf(columns, client.tiles) : (at: number) => picked.has(at);
		// Only of a fleet that is too large it is worth asking.
		const mayHave = (at: number) => picked === null && (!client.tooMany || client.knows(at));
		const from = since - OVERLAP_MS;
		const places: number[] = [];
		const gone = before === null ? [] : this.#leftOf(client, before);
		for (let at = 0; at < columns.size; at++) {
			const device = columns.inventory[at];
			if (!device || !sees(client.visibility, device.group)) {
				if ((columns.movedAt[at] ?? 0) > from) gone.push(at);
				continue;
			}
			const isNew = before !== null && picked?.has(at) === true && !before.has(at);
			if (isNew || ((columns.changedAt[at] ?? 0) > from && (inside(at) || mayHave(at)))) places.push(at);
		}
		this.#send(client, KIND_CHANGES, places, gone);
	}

	/** Of what it watches, those that have changed (null: all), and those that it may see no more. */
	#tellWatched(client: Client, dirty: ReadonlySet<number> | null): void {
		if (client.watched.size === 0) return;
		const places = this.#watchedPlaces(client);
		const gone = client.followed.filter((at) => !places.includes(at));
		client.followed = places;
		this.#send(client, KIND_CHANGES, dirty === null ? places : places.filter((at) => dirty.has(at)), gone);
	}

	#watchedPlaces(client: Client): number[] {
		const { columns } = this.#fleet;
		const places: number[] = [];
		for (const id of client.watched) {
			const at = columns.places.get(id);
			if (at !== undefined && sees(client.visibility, columns.inventory[at]?.group)) places.push(at);
		}
		return places;
	}

	#sendCells(client: Client, places: number[]): void {
		client.socket.emit('cells', cellsOf(this.#fleet.columns, places, client.tiles, client.lookedAt));
	}

	#sendOverview(client: Client, { devices, counts, box }: Look): void {
		client.socket.emit('overview', { asOf: client.lookedAt, devices, counts, box, tooMany: client.tooMany });
	}

	#send(client: Client, kind: number, places: number[], gone: number[]): void {
		if (kind === KIND_CHANGES && places.length === 0 && gone.length === 0) return;
		if (kind === KIND_ALL) this.#told += places.length;
		this.#sendFrame(client, this.#encode(kind, places, gone), places);
	}

	#sendFrame(client: Client, bytes: Uint8Array, places: readonly number[]): void {
		const fresh = places.filter((at) => !client.knows(at));
		for (let i = 0; i < fresh.length; i += NAMES_AT_ONCE)
			client.socket.emit('devices', this.#names(client, fresh.slice(i, i + NAMES_AT_ONCE)));
		client.socket.emit('frame', bytes);
		this.#sentBytes.inc(bytes.byteLength);
	}

	#names(client: Client, places: readonly number[]): DeviceNames {
		const n: DeviceNames = { number: [], id: [], imei: [], name: [], plate: [], group: [], model: [], category: [] };
		for (const at of places) {
			const device = this.#fleet.columns.inventory[at];
			if (!device) continue;
			client.learn(at);
			n.number.push(at);
			n.id.push(device.id.toString());
			n.imei.push(device.imei);
			n.name.push(device.name);
			n.plate.push(device.plate);
			n.group.push(device.group);
			n.model.push(device.model);
			n.category.push(device.category);
		}
		return n;
	}

	#encode(kind: number, places: readonly number[], gone: readonly number[]): Uint8Array {
		const c = this.#fleet.columns;
		const w = new FrameWriter(kind, this.#fleet.now(), places.length + gone.length);
		for (const at of places) {
			const since = c.since(at);
			w.put(
				at,
				c.latitude[at] ?? NOWHERE,
				c.longitude[at] ?? NOWHERE,
				c.speed[at] ?? 0,
				c.heading[at] ?? 0,
				c.frameFlags(at),
				Number.isNaN(since) ? 0 : Math.floor(since / 1000),
			);
		}
		for (const at of gone) w.put(at, NOWHERE, NOWHERE, 0, 0, packFlags('gone', false, null, null), 0);
		return w.bytes;
	}
}
