/**
 * The live connection of this page: one socket, one fleet, whoever looks. It asks for the whole world first. Only where that
 * is more than points allow (`overview` is there) it asks for what the map shows, by the filter of the screen: then the
 * page holds a part, and the server counts and lists the rest.
 */
import { io, type Socket } from 'socket.io-client';
import type { QueryClient } from '@tanstack/react-query';
import type {
	Cells,
	ClientEvents,
	CommandChange,
	DeviceNames,
	Hello,
	Overview,
	ServerEvents,
	SOCKET_PATH,
	ViewRequest,
} from '../../shared/live.ts';
import { KIND_ALL, kindOf } from '../../shared/frame.ts';
import { insideTiles } from '../../shared/tiles.ts';
import { AlarmList } from './alarms.ts';
import { Fleet, type Limits } from './fleet.ts';
import { Names } from './names.ts';

/** As in shared/live.ts, which would bring zod along. */
const path: typeof SOCKET_PATH = '/live';
const WORLD = ['0/0/0'];
/** Without a frame or a word for so long the page no longer says that it is live. */
const QUIET_MS = 20_000;
/** What the server has refused is asked again after a second, then ever more rarely. */
const AGAIN_MS = 1000;
const AGAIN_MOST_MS = 30_000;
/** Who types a search is not asked for after each letter. */
const FILTER_MS = 150;

export type ViewFilter = NonNullable<ViewRequest['filter']>;

export type Health =
	| { state: 'connecting' }
	| { state: 'live'; asOf: number }
	| { state: 'late' | 'away'; reason: string | null }
	| { state: 'offline' };

export class Live {
	readonly fleet = new Fleet();
	readonly names = new Names();
	readonly alarms = new AlarmList();
	/** Counts by the server, where there are too many points in view. */
	cells: Cells | null = null;
	/** There is more than this page can hold. */
	overview: Overview | null = null;
	health: Health = { state: 'connecting' };
	/** Server's clock less ours, in milliseconds. */
	ahead = 0;
	readonly socket: Socket<ServerEvents, ClientEvents>;
	readonly #listeners = new Set<() => void>();
	readonly #queries: QueryClient;
	#epoch: string | null = null;
	/** What the map shows. */
	#tiles: string[] = WORLD;
	#filter: ViewFilter | undefined;
	#filterTimer: ReturnType<typeof setTimeout> | undefined;
	#watched: string[] = [];
	#heard = 0;
	#againMs = AGAIN_MS;

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
		this.socket.on('disconnect', (reason) => {
			this.#setHealth({ state: 'offline' });
			if (reason === 'io server disconnect') this.#again();
			this.#stillSignedIn();
		});
		this.socket.on('connect_error', () => {
			this.#setHealth({ state: 'offline' });
			if (!this.socket.active) this.#again();
			this.#stillSignedIn();
		});
		this.socket.on('hello', this.#hello);
		this.socket.on('status', (status) => this.#status(status));
		this.socket.on('devices', this.#named);
		this.socket.on('frame', this.#frame);
		this.socket.on('cells', (cells) => {
			this.#heard = Date.now();
			this.cells = cells;
			this.fleet.clear(this.#limits());
			this.fleet.changed();
		});
		this.socket.on('overview', this.#overview);
		this.socket.on('commands', this.#commands);
		this.socket.on('alarms', (alarms) => this.alarms.add(alarms));
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
		if (tiles.length === this.#tiles.length && tiles.every((t, i) => t === this.#tiles[i])) return;
		this.#tiles = tiles;
		if (this.overview !== null) this.#askView();
	}

	/** The filter of the screen; only the server's business where the whole world is too much. */
	setFilter(filter: ViewFilter | undefined): void {
		if (JSON.stringify(filter) === JSON.stringify(this.#filter)) return;
		this.#filter = filter;
		if (this.overview === null) return;
		clearTimeout(this.#filterTimer);
		this.#filterTimer = setTimeout(() => this.#askView(), FILTER_MS);
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
			this.overview = null;
			this.cells = null;
		}
		this.#status(hello.status);
		this.#askView();
		if (this.#watched.length > 0) this.watch(this.#watched);
		if (document.hidden) this.socket.emit('pause');
	};

	#askView(): void {
		if (!this.socket.connected) return;
		const small = matchMedia('(max-width: 760px)').matches;
		const whole = this.overview === null;
		// Of a part of the fleet, what the page has is that of other tiles.
		const since =
			whole && this.fleet.complete && this.#epoch !== null ? { since: this.fleet.asOf, epoch: this.#epoch } : {};
		const filter = whole || this.#filter === undefined ? {} : { filter: this.#filter };
		this.socket.emit('view', { tiles: whole ? WORLD : this.#tiles, small, ...filter, ...since }, (answer) => {
			// Too many views in a second, or a server that is just starting.
			if (answer.ok) this.#againMs = AGAIN_MS;
			else {
				setTimeout(() => this.#askView(), this.#againMs);
				this.#againMs = Math.min(AGAIN_MOST_MS, this.#againMs * 2);
			}
		});
	}

	#overview = (overview: Overview): void => {
		this.#heard = Date.now();
		const before = this.overview;
		this.overview = overview.tooMany ? overview : null;
		if (overview.tooMany) this.fleet.complete = false;
		if ((before === null) !== (this.overview === null)) this.#askView();
		this.fleet.changed();
	};

	/** What of a part of the fleet is kept; null: this is all. */
	#limits(): Limits | null {
		if (this.overview === null) return null;
		const kept = new Set(this.#watched.map((id) => this.fleet.numberOf(id)));
		return { inside: insideTiles(this.#tiles), keeps: (number) => kept.has(number) };
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
			const frame = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
			if (kindOf(frame) === KIND_ALL) this.cells = null;
			this.fleet.apply(frame, this.#limits());
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

	/** The server has said no, or gone: then the socket doesn't come back by itself. */
	#again(): void {
		setTimeout(() => this.socket.connect(), 1000 + Math.random() * 2000);
	}

	/** Whose session has ended goes to sign in (api/client.ts), instead of waiting for a socket that will never open. */
	#stillSignedIn(): void {
		void this.#queries.invalidateQueries({ queryKey: ['me'] });
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
