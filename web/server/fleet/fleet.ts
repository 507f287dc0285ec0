/**
 * The live fleet of this process: columns kept true by the feed, a snapshot at the start and a reconcile every 15 s;
 * where the feed can't be heard, by asking once a second. It says how fresh it is.
 *
 * A notified row replaces what is held unless it is older; the reconcile replaces whatever differs, also backward, but not
 * what the feed has changed since the reconcile began to read.
 */
import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { FeedStatus } from '../../shared/schemas.ts';
import type { z } from 'zod';
import type { Database } from '../db.ts';
import { Columns, type Inventory } from './columns.ts';
import { emptyRow, isPlausible, notificationRows, readRow, ROW_BYTES, type LiveRow } from './decode.ts';
import { Listener, type Channel } from './listener.ts';
import { NoticeGate } from './notice_gate.ts';
import { parseCommands, type Notice } from './notices.ts';
import { askClock, inventoryOf, liveOf, liveSince, wholeInventory, wholeLive } from './queries.ts';

const RECONCILE_MS = 15_000;
const INVENTORY_MS = 60_000;
const CLOCK_MS = 2000;
const BEAT_EVERY = 2; // clocks
const POLL_MS = 1000;
const GATE_MS = 250;
/** After reading all devices anew it is not done again for a second, nor for three times as long as it took. */
const WHOLE_PAUSE_MS = 1000;
const WHOLE_PAUSE = 3;
/** Without a word from the database for so long, what is shown is no longer live. */
const AWAY_MS = 4000;
const OVERLAP_MS = 5000;
/** Gone devices keep their number for so long, so that everybody hears of it first. */
const RELEASE_MS = 60_000;

export type Status = z.infer<typeof FeedStatus>;
export type CommandNotice = NonNullable<ReturnType<typeof parseCommands>>;

interface Events {
	/** What clients know of these places has changed: names, groups, or they are new. */
	names: [places: number[]];
	notice: [notice: Notice];
	commands: [notice: CommandNotice];
	status: [status: Status];
	/** The feed was away or just began: rights and sessions may have changed unheard. */
	resync: [];
}

export class Fleet extends EventEmitter<Events> {
	readonly columns = new Columns();
	/** Places that have changed since the publisher last took them. */
	dirty = new Set<number>();
	/** Counts rows that were written. */
	#change = 0;
	/** Newest updated_at that was seen. */
	newest = 0;
	#offset = 0;
	#answeredAt = 0;
	#reconciledAt = 0;
	#missed = 0;
	#silentGateway: string | null = null;
	#heard = false;
	#loaded = false;
	#lostBy: string | null = 'the database has not answered yet';
	#status: Status = { state: 'away', reason: 'starting', asOf: null, checkedAt: null, way: 'feed' };
	readonly #database: Database;
	readonly #log: Logger;
	readonly #listener: Listener;
	readonly #timers: NodeJS.Timeout[] = [];
	readonly #busy = new Set<string>();
	#pending = new Set<string>();
	readonly #gate = new NoticeGate((notice) => this.#notice(notice));
	/** A notice said "many devices": all are read again, as soon as that may be. */
	#wholeWanted = false;
	#wholeNotBefore = 0;
	readonly #row = emptyRow();
	readonly #dropped: Counter<'reason'>;
	readonly #rows: Counter<'way'>;

	constructor(database: Database, log: Logger, metrics: Registry) {
		super();
		this.#database = database;
		this.#log = log;
		this.#listener = new Listener(database, log, {
			payload: (channel, payload) => this.#payload(channel, payload),
			listening: (heard) => this.#listening(heard),
			lost: (reason) => this.#lost(reason),
		});
		this.#dropped = new Counter({
			name: 'omnitrack_feed_dropped_total',
			help: 'Rows and notifications of the feed that could not be right',
			labelNames: ['reason'],
			registers: [metrics],
		});
		this.#rows = new Counter({
			name: 'omnitrack_feed_rows_total',
			help: 'Live rows that changed something, by how they came',
			labelNames: ['way'],
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
		gauge('omnitrack_fleet_devices', 'Devices that are held', () => this.columns.places.size);
		gauge('omnitrack_feed_live', '1: what is shown is live', () => (this.status().state === 'live' ? 1 : 0));
	}

	/** The database's clock. */
	now(): number {
		return Date.now() + this.#offset;
	}

	get loaded(): boolean {
		return this.#loaded;
	}

	/** True while what others change is heard at once. */
	get heard(): boolean {
		return this.#heard && this.status().state !== 'away';
	}

	start(): void {
		this.#listener.start();
		const every = (ms: number, name: string, work: () => Promise<void> | void) =>
			this.#timers.push(setInterval(() => void this.#once(name, work), ms));
		let ticks = 0;
		every(CLOCK_MS, 'clock', () => this.#askClock(ticks++ % BEAT_EVERY === 0));
		every(RECONCILE_MS, 'reconcile', () => this.#reconcile());
		every(INVENTORY_MS, 'inventory', () => this.#wholeInventory());
		every(GATE_MS, 'gate', () => this.#gate.flush(Date.now()));
		every(GATE_MS, 'inventory', () =>
			this.#wholeWanted && Date.now() >= this.#wholeNotBefore ? this.#wholeInventory() : undefined,
		);
		every(POLL_MS, 'poll', () => (this.#loaded && !this.#heard ? this.#poll() : undefined));
		every(1000, 'judge', () => {
			for (const at of this.columns.grownSilent(this.now())) this.dirty.add(at);
			this.#tellStatus();
		});
		every(1000, 'some', () => this.#someInventory());
	}

	async stop(): Promise<void> {
		this.#timers.forEach(clearInterval);
		await this.#listener.stop();
	}

	/** One of a kind at a time; what fails is tried again by its timer. */
	async #once(name: string, work: () => Promise<void> | void): Promise<void> {
		if (this.#busy.has(name)) return;
		this.#busy.add(name);
		try {
			await work();
		} catch (error) {
			this.#log.warn({ err: error instanceof Error ? error.message : error, work: name }, 'the live fleet: failed');
		} finally {
			this.#busy.delete(name);
		}
	}

	// ---- how fresh it is

	status(): Status {
		return this.#status;
	}

	#judgeStatus(): Status {
		const now = Date.now();
		const base = {
			asOf: this.newest > 0 ? new Date(this.newest).toISOString() : null,
			checkedAt: this.#answeredAt > 0 ? new Date(this.#answeredAt + this.#offset).toISOString() : null,
			way: this.#heard ? ('feed' as const) : ('poll' as const),
		};
		if (!this.#loaded || now - this.#answeredAt > AWAY_MS)
			return { ...base, state: 'away', reason: this.#lostBy ?? 'the database does not answer' };
		if (now - this.#reconciledAt > 3 * RECONCILE_MS)
			return { ...base, state: 'late', reason: 'the database is too slow to be compared with' };
		if (this.#missed > 0) return { ...base, state: 'late', reason: `the feed has missed ${this.#missed} changes` };
		if (this.#silentGateway !== null)
			return { ...base, state: 'late', reason: `the gateway ${this.#silentGateway} has not been heard for a minute` };
		return { ...base, state: 'live', reason: null };
	}

	#tellStatus(): void {
		const before = this.#status;
		this.#status = this.#judgeStatus();
		if (
			before.state !== this.#status.state ||
			before.reason !== this.#status.reason ||
			before.way !== this.#status.way
		) {
			this.#log.info({ feed: this.#status }, 'the live feed');
			this.emit('status', this.#status);
		}
	}

	async #askClock(beat: boolean): Promise<void> {
		try {
			const before = Date.now();
			const { now, silent } = await askClock(this.#database.pool, beat);
			this.#answeredAt = Date.now();
			this.#offset = now - (before + this.#answeredAt) / 2;
			this.#silentGateway = silent;
			if (this.#lostBy !== null && !this.#loaded) void this.#once('load', () => this.#load());
		} catch (error) {
			this.#lostBy = error instanceof Error ? `the database: ${error.message}` : 'the database does not answer';
			this.#tellStatus();
		}
	}

	// ---- loading

	#listening(heard: boolean): void {
		if (heard !== this.#heard) this.#log.info({ heard }, 'notifications');
		const began = heard && !this.#heard;
		this.#heard = heard;
		// Before anybody is believed by what was known before the pause; loading takes seconds.
		if (began) this.emit('resync');
		if (began || !this.#loaded) void this.#once('load', () => this.#load());
	}

	#lost(reason: string): void {
		this.#heard = false;
		this.#lostBy = `the database: ${reason}`;
		this.#tellStatus();
	}

	/** First LISTEN, then this. */
	async #load(): Promise<void> {
		await this.#askClock(true);
		await this.#wholeInventory();
		await this.#reconcile();
		this.#missed = 0;
		this.#loaded = true;
		this.#lostBy = null;
		this.emit('resync');
		this.#tellStatus();
	}

	async #wholeInventory(): Promise<void> {
		const seen = new Set<bigint>();
		const changed: number[] = [];
		const startedWith = new Set(this.columns.places.keys());
		const began = Date.now();
		this.#wholeWanted = false;
		try {
			for await (const chunk of wholeInventory(this.#database.pool)) {
				for (const device of chunk) seen.add(device.id);
				changed.push(...this.#putAll(chunk));
			}
		} catch (error) {
			this.#wholeWanted = true;
			throw error;
		}
		for (const id of startedWith) if (!seen.has(id)) this.#remove(id);
		this.#wholeNotBefore = Date.now() + Math.max(WHOLE_PAUSE_MS, WHOLE_PAUSE * (Date.now() - began));
		if (changed.length > 0) this.emit('names', changed);
	}

	#putAll(devices: Inventory[]): number[] {
		const now = this.now();
		const changed: number[] = [];
		for (const device of devices) {
			const at = this.columns.places.get(device.id);
			const before = at === undefined ? null : this.columns.inventory[at];
			if (before && isSame(before, device)) continue;
			const place = this.columns.put(device, now);
			this.dirty.add(place);
			if (!before || !isCalledSame(before, device)) changed.push(place);
		}
		return changed;
	}

	#remove(id: bigint): void {
		const at = this.columns.places.get(id);
		if (at === undefined) return;
		this.columns.remove(at, this.now());
		this.dirty.add(at);
		setTimeout(() => this.columns.release(at), RELEASE_MS).unref();
	}

	/** After a change of one's own: it holds here when this returns. */
	async refresh(ids: readonly string[]): Promise<void> {
		for (let at = 0; at < ids.length; at += 10_000) await this.#inventoryOf(ids.slice(at, at + 10_000));
	}

	/** The same by IMEI. */
	async refreshImeis(imeis: readonly string[]): Promise<void> {
		const { rows } = await this.#database.pool.query<{ id: string }>(
			'SELECT id::text FROM devices WHERE imei = ANY ($1::text[])',
			[imeis],
		);
		await this.refresh(rows.map((r) => r.id));
	}

	/** Devices that a notice named. */
	async #someInventory(): Promise<void> {
		while (this.#pending.size > 0) {
			const ids = [...this.#pending];
			this.#pending = new Set();
			try {
				await this.#inventoryOf(ids);
			} catch (error) {
				// The next second tries again: rights hang on the groups of devices.
				for (const id of ids) this.#pending.add(id);
				throw error;
			}
		}
	}

	/** Those that are new get their live row, those that are gone go. */
	async #inventoryOf(ids: readonly string[]): Promise<void> {
		const found = await inventoryOf(this.#database.pool, ids);
		const there = new Set(found.map((d) => d.id.toString()));
		const fresh = found.filter((d) => !this.columns.places.has(d.id)).map((d) => d.id.toString());
		const changed = this.#putAll(found);
		for (const id of ids) if (!there.has(id)) this.#remove(BigInt(id));
		if (fresh.length > 0) this.#apply(await liveOf(this.#database.pool, fresh), 'inventory');
		if (changed.length > 0) this.emit('names', changed);
	}

	// ---- rows

	#payload(channel: Channel, payload: string): void {
		if (channel === 'telematics_live') {
			const rows = notificationRows(payload);
			if (rows === null) this.#dropped.inc({ reason: 'format' });
			else this.#apply(rows, 'feed');
			return;
		}
		if (channel === 'telematics_command_status') {
			const notice = parseCommands(payload);
			if (notice === null) this.#dropped.inc({ reason: 'format' });
			else this.emit('commands', notice);
			return;
		}
		const became = this.#gate.take(payload, Date.now());
		if (became !== 'taken') this.#dropped.inc({ reason: became });
	}

	#notice(notice: Notice): void {
		if (notice.kind === 'device' && notice.ids === '*') this.#wholeWanted = true;
		else if (notice.kind === 'device') {
			for (const id of notice.ids) this.#pending.add(id);
			void this.#once('some', () => this.#someInventory());
		}
		this.emit('notice', notice);
	}

	/** Rows that may be newer than what is held. */
	#apply(rows: Buffer, way: 'feed' | 'poll' | 'inventory'): void {
		const row = this.#row;
		const now = this.now();
		let changed = 0;
		for (let i = 0; i < rows.length; i += ROW_BYTES) {
			readRow(rows, i, row);
			if (!isPlausible(row, now)) {
				this.#dropped.inc({ reason: 'implausible' });
				continue;
			}
			const at = this.columns.places.get(row.id);
			if (at === undefined) {
				this.#dropped.inc({ reason: 'unknown' });
				continue;
			}
			if (row.updatedAt < (this.columns.updatedAt[at] ?? NaN)) continue;
			if (row.updatedAt > this.newest) this.newest = row.updatedAt;
			if (!this.columns.live(at, row, ++this.#change, now)) continue;
			this.dirty.add(at);
			changed++;
		}
		if (changed > 0) this.#rows.inc({ way }, changed);
	}

	async #poll(): Promise<void> {
		this.#apply(await liveSince(this.#database.pool, this.newest - OVERLAP_MS), 'poll');
	}

	/** What the database says holds, whatever came before: a lie or a lost notification ends here. */
	async #reconcile(): Promise<void> {
		const row = this.#row;
		const began = this.#change;
		// A set of all would be garbage of some megabytes, four times a minute.
		const seen = new Uint8Array(this.columns.size);
		let changed = 0;
		for await (const rows of wholeLive(this.#database.pool)) {
			const now = this.now();
			for (let i = 0; i < rows.length; i += ROW_BYTES) {
				readRow(rows, i, row);
				const at = this.columns.places.get(row.id);
				if (at === undefined) continue;
				seen[at] = 1;
				if (row.updatedAt > this.newest && row.updatedAt <= now + 10_000) this.newest = row.updatedAt;
				changed += this.#correct(at, row, began, now);
			}
		}
		const none: LiveRow = emptyRow();
		for (let at = 0; at < seen.length; at++)
			if (seen[at] === 0 && this.columns.inventory[at]) changed += this.#correct(at, none, began, this.now());
		if (changed > 0) this.#rows.inc({ way: 'reconcile' }, changed);
		this.#reconciledAt = Date.now();
		this.#answeredAt = Date.now();
		// A few are on their way while this reads; many are a feed that does not tell.
		this.#missed = this.#heard && this.#loaded && changed > Math.max(10, this.columns.places.size / 100) ? changed : 0;
	}

	#correct(at: number, row: LiveRow, began: number, now: number): number {
		if ((this.columns.touched[at] ?? 0) > began) return 0;
		if (!this.columns.live(at, row, this.columns.touched[at] ?? 0, now)) return 0;
		this.dirty.add(at);
		return 1;
	}
}

function isSame(a: Inventory, b: Inventory): boolean {
	return (Object.keys(a) as (keyof Inventory)[]).every((key) => Object.is(a[key], b[key]));
}

/** Of what clients are told when they first hear of a device. */
const CALLED = ['id', 'imei', 'name', 'plate', 'group', 'model', 'category'] as const;

function isCalledSame(a: Inventory, b: Inventory): boolean {
	return CALLED.every((key) => a[key] === b[key]);
}
