/**
 * The live connection of this page: one socket, one fleet, whoever looks. It asks for the whole world first; only if that
 * is more than points allow, for what the map shows.
 */
import { io, type Socket } from 'socket.io-client';
import type { QueryClient } from '@tanstack/react-query';
import type {
	Cells,
	ClientEvents,
	CommandChange,
	DeviceNames,
	Hello,
	ServerEvents,
	SOCKET_PATH,
} from '../../shared/live.ts';
import { Fleet } from './fleet.ts';
import { Names } from './names.ts';

/** As in shared/live.ts, which would bring zod along. */
const path: typeof SOCKET_PATH = '/live';
const WORLD = ['0/0/0'];
/** Without a frame or a word for so long the page no longer says that it is live. */
const QUIET_MS = 20_000;

export type Health =
	| { state: 'connecting' }
	| { state: 'live'; asOf: number }
	| { state: 'late' | 'away'; reason: string | null }
	| { state: 'offline' };

export class Live {
	readonly fleet = new Fleet();
	readonly names = new Names();
	/** Counts by the server, where there are too many points. */
	cells: Cells | null = null;
	mode: 'points' | 'cells' = 'points';
	health: Health = { state: 'connecting' };
	/** Server's clock less ours, in milliseconds. */
	ahead = 0;
	readonly socket: Socket<ServerEvents, ClientEvents>;
	readonly #listeners = new Set<() => void>();
	readonly #queries: QueryClient;
	#epoch: string | null = null;
	#tiles: string[] = WORLD;
	#watched: string[] = [];
	#heard = 0;

	constructor(queries: QueryClient) {
		this.#queries = queries;
		this.socket = io({
			path,
			transports: ['websocket'],
			reconnectionDelay: 500,
			reconnectionDelayMax: 8000,
			randomizationFactor: 0.6,
		});
		this.socket.on('connect', () => this.#setHealth({ state: 'connecting' }));
		this.socket.on('disconnect', () => this.#setHealth({ state: 'offline' }));
		this.socket.on('connect_error', () => this.#setHealth({ state: 'offline' }));
		this.socket.on('hello', this.#hello);
		this.socket.on('status', (status) => this.#status(status));
		this.socket.on('devices', this.#named);
		this.socket.on('frame', this.#frame);
		this.socket.on('cells', (cells) => {
			this.#heard = Date.now();
			this.cells = cells;
			this.fleet.changed();
		});
		this.socket.on('commands', this.#commands);
		this.socket.on('changed', (what) => this.#changed(what));
		this.socket.on('bye', ({ retryMs }) => {
			this.socket.disconnect();
			setTimeout(() => this.socket.connect(), retryMs);
		});
		document.addEventListener('visibilitychange', () => {
			if (this.socket.connected) this.socket.emit(document.hidden ? 'pause' : 'resume');
		});
		setInterval(() => this.#watchQuiet(), 2000);
	}

	/** Database's clock, as well as this page knows it. */
	now(): number {
		return Date.now() + this.ahead;
	}

	subscribe = (listener: () => void): (() => void) => {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	};

	getHealth = (): Health => this.health;

	/** What the map shows; only asked for where the whole world is too much. */
	setTiles(tiles: string[]): void {
		if (this.mode === 'points' && this.fleet.complete) return;
		if (tiles.length === this.#tiles.length && tiles.every((t, i) => t === this.#tiles[i])) return;
		this.#tiles = tiles;
		this.#askView();
	}

	/** Devices to hear of wherever they are: the chosen one. */
	watch(ids: string[]): void {
		this.#watched = ids;
		if (this.socket.connected) this.socket.emit('watch', { ids }, () => undefined);
	}

	#hello = (hello: Hello): void => {
		this.#heard = Date.now();
		this.ahead = hello.now - Date.now();
		if (this.#epoch !== hello.epoch) {
			this.fleet.forget();
			this.names.forget();
			this.#epoch = hello.epoch;
		}
		this.#status(hello.status);
		this.#askView();
		if (this.#watched.length > 0) this.watch(this.#watched);
		if (document.hidden) this.socket.emit('pause');
	};

	#askView(): void {
		if (!this.socket.connected) return;
		const small = matchMedia('(max-width: 760px)').matches;
		const known = this.fleet.complete && this.#epoch !== null;
		this.socket.emit(
			'view',
			{ tiles: this.#tiles, small, ...(known ? { since: this.fleet.asOf, epoch: this.#epoch ?? '' } : {}) },
			(answer) => {
				if (!answer.ok) return;
				this.mode = answer.mode;
				if (answer.mode === 'points') this.cells = null;
			},
		);
	}

	#named = (d: DeviceNames): void => {
		d.number.forEach((number, i) => {
			const id = d.id[i];
			if (id === undefined) return;
			this.fleet.name(number, id);
			this.names.set(number, {
				id,
				imei: d.imei[i] ?? '',
				name: d.name[i] ?? null,
				plate: d.plate[i] ?? null,
				group: d.group[i] ?? null,
				model: d.model[i] ?? null,
				category: d.category[i] ?? null,
			});
		});
		this.fleet.changed();
	};

	#frame = (bytes: ArrayBuffer | Uint8Array): void => {
		this.#heard = Date.now();
		try {
			this.fleet.apply(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
		} catch {
			// Another version of the server than this page: take the new page's code.
			location.reload();
			return;
		}
		if (this.health.state === 'live' || this.health.state === 'connecting')
			this.#setHealth({ state: 'live', asOf: this.fleet.asOf });
	};

	#status(status: Hello['status']): void {
		this.#heard = Date.now();
		if (status.state === 'live') this.#setHealth({ state: 'live', asOf: this.fleet.asOf });
		else this.#setHealth({ state: status.state, reason: status.reason });
	}

	#watchQuiet(): void {
		if (this.health.state === 'live' && !document.hidden && Date.now() - this.#heard > QUIET_MS)
			this.#setHealth({ state: 'late', reason: null });
	}

	#setHealth(health: Health): void {
		this.health = health;
		for (const listener of this.#listeners) listener();
	}

	#commands = (changes: CommandChange[]): void => {
		void this.#queries.invalidateQueries({ queryKey: ['commands'] });
		for (const { device } of changes)
			if (device !== null) void this.#queries.invalidateQueries({ queryKey: ['device', device, 'commands'] });
	};

	#changed(what: readonly string[]): void {
		for (const key of what) void this.#queries.invalidateQueries({ queryKey: [key === 'devices' ? 'device' : key] });
		if (what.includes('me')) void this.#queries.invalidateQueries();
	}
}
