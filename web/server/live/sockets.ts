/**
 * The live socket: who may open one, what it may ask, and what happens to it when rights, sessions or the server go.
 * Socket.IO over WebSocket alone, without compression; each connection belongs to a session of the cookie.
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { RequestHandler } from 'express';
import type { SessionData } from 'express-session';
import { Server } from 'socket.io';
import type { z } from 'zod';
import { authorize, groupsFor, mayDisplay } from '../../shared/permissions.ts';
import {
	SOCKET_PATH,
	Trace,
	View,
	Watch,
	type ClientEvents,
	type Answer,
	type CommandChange,
	type ViewAnswer,
	type ServerEvents,
} from '../../shared/live.ts';
import { writeAudit } from '../audit.ts';
import type { App } from '../context.ts';
import type { CommandNotice } from '../fleet/fleet.ts';
import type { Notice } from '../fleet/notices.ts';
import { Proxies } from '../http/client_address.ts';
import { isOwnOrigin } from '../http/identify.ts';
import { Problem } from '../problem.ts';
import { hashedSid, isTooOld } from '../sessions.ts';
import { Alarms } from './alarms.ts';
import { Client, type LiveSocket } from './client.ts';
import type { ViewFilter } from './look.ts';
import { Publisher } from './publisher.ts';
import { classOf } from './rooms.ts';
import { TraceLines } from './trace_lines.ts';

const MAX_SOCKETS = 5000;
const MAX_SOCKETS_OF_ONE = 30;
/** From the connection to its first word. */
const CONNECT_MS = 10_000;
const MAX_REQUESTS = 20;
/** By all sockets of one user: a view is looked for in the whole fleet. */
const MAX_REQUESTS_OF_ONE = 60;
/** In a second: so many are no mistake; answering them all would fill the memory of whoever doesn't read. */
const MAX_FLOOD = 500;
const STATUS_MS = 5000;
const SESSIONS_MS = 60_000;
const COMMANDS_MS = 250;
const ALARMS_MS = 2000;
/** Clients come back within so many milliseconds, each at a time of its own. */
const BYE_SPREAD_MS = 10_000;

interface WithSession {
	session?: Partial<SessionData>;
	sessionID?: string;
}

function header(req: IncomingMessage, name: string): string | undefined {
	const value = req.headers[name];
	return Array.isArray(value) ? value.join(',') : value;
}

export class LiveServer {
	readonly #app: App;
	readonly #proxies: Proxies;
	readonly #io: Server<ClientEvents, ServerEvents>;
	readonly #publisher: Publisher;
	readonly #alarms: Alarms;
	readonly #timers: NodeJS.Timeout[] = [];
	#commands = new Set<string>();
	#manyCommands = false;
	/** By user, in the present second. */
	readonly #asks = new Map<string, number>();
	/** A change was heard of, and what it is could not be read: all are looked at until that succeeds. */
	#unsure = false;

	constructor(app: App, http: HttpServer, sessions: RequestHandler) {
		this.#app = app;
		this.#proxies = new Proxies(app.config.WEB_TRUST_PROXY);
		this.#publisher = new Publisher(app.fleet, app.metrics);
		this.#alarms = new Alarms(app);
		const secure = app.config.transport !== 'loopback';
		this.#io = new Server(http, {
			path: SOCKET_PATH,
			transports: ['websocket'],
			serveClient: false,
			perMessageDeflate: false,
			httpCompression: false,
			maxHttpBufferSize: 64_000,
			pingInterval: 10_000,
			// Whoever doesn't read is cut off by the publisher, and not sooner by this.
			pingTimeout: 40_000,
			// Whoever is not signed in gets no connection at all, whose number and time would have to be bounded.
			allowRequest: (req, answer) =>
				answer(
					null,
					isOwnOrigin(req.headers.origin, req.headers.host, secure) &&
						(app.config.transport !== 'proxy' ||
							this.#proxies.isEncrypted(req.socket.remoteAddress ?? '', header(req, 'x-forwarded-proto'))) &&
						(req as unknown as WithSession).session?.userId !== undefined &&
						this.#io.engine.clientsCount < MAX_SOCKETS,
				),
			connectTimeout: CONNECT_MS,
		});
		// Before allowRequest, which asks for the session.
		this.#io.engine.use(sessions);
		this.#io.use((socket, next) => {
			this.#admit(socket).then(
				() => next(),
				(error: unknown) =>
					next(error instanceof Problem ? new Error(error.message) : new Error('The server can not answer')),
			);
		});
		this.#io.on('connection', (socket) => this.#connected(socket));
		app.fleet.on('status', (status) => this.#io.emit('status', status));
		const unsure = (what: string) => (error: unknown) => {
			this.#unsure = true;
			app.log.warn({ err: error }, what);
		};
		app.fleet.on('notice', (notice) => void this.#notice(notice).catch(unsure('a notice')));
		app.fleet.on('resync', () => void this.#resync().catch(unsure('rights after a pause')));
		app.fleet.on('commands', (notice) => this.#collect(notice));
		app.directory.on('people', (ids) => this.#people(ids));
	}

	start(): void {
		const every = (ms: number, work: () => Promise<void> | void) =>
			this.#timers.push(
				setInterval(() => {
					Promise.resolve(work()).catch((error: unknown) => this.#app.log.warn({ err: error }, 'the live socket'));
				}, ms),
			);
		every(1000, () => (this.#app.fleet.loaded ? this.#publisher.tick() : undefined));
		every(STATUS_MS, () => void this.#io.emit('status', this.#app.fleet.status()));
		every(SESSIONS_MS, () => this.#checkSessions([...this.#publisher.clients]));
		every(COMMANDS_MS, () => this.#tellCommands());
		every(ALARMS_MS, () => this.#tellAlarms());
		every(1000, () => {
			this.#asks.clear();
			this.#checkTraces();
		});
		// While changes can't be heard, or one could not be looked at, they are looked for.
		every(1000, () => (this.#app.fleet.heard && !this.#unsure ? undefined : this.#recheck()));
	}

	/** Says good-bye, so that clients come back, each at a time of its own. */
	async stop(): Promise<void> {
		this.#timers.forEach(clearInterval);
		for (const client of this.#publisher.clients) {
			client.trace?.stop();
			client.socket.emit('bye', { retryMs: 500 + Math.round(Math.random() * BYE_SPREAD_MS) });
		}
		await new Promise((resolve) => setTimeout(resolve, 100));
		await this.#io.close();
	}

	// ---- coming and going

	async #admit(socket: LiveSocket): Promise<void> {
		const { session, sessionID } = socket.request as unknown as WithSession;
		const person = session?.userId === undefined ? null : await this.#app.directory.person(session.userId);
		if (person === null || sessionID === undefined) throw new Problem(401, 'Not signed in');
		if (!this.#hasRoom(person.id)) throw new Problem(503, 'Too many live connections');
		const sid = hashedSid(sessionID);
		const row = await this.#app.db
			.selectFrom('omnitrack.web_sessions')
			.select('id')
			.where('sid', '=', sid)
			.executeTakeFirst();
		if (!row) throw new Problem(401, 'Not signed in');
		const visibility = classOf(groupsFor(person, 'device.read', this.#app.directory.parents));
		const address = this.#proxies.clientOf(socket.handshake.address, header(socket.request, 'x-forwarded-for'));
		socket.data = new Client(socket, person, visibility, sid, row.id, address, session?.kind === 'display');
	}

	#hasRoom(user: string): boolean {
		const { clients } = this.#publisher;
		return clients.size < MAX_SOCKETS && [...clients].filter((c) => c.person.id === user).length < MAX_SOCKETS_OF_ONE;
	}

	#connected(socket: LiveSocket): void {
		const client = socket.data as Client;
		const { fleet, directory } = this.#app;
		// Much may have happened since it was admitted: rights, sessions, others that came at the same time.
		const person = directory.known(client.person.id);
		if (person === null || !this.#hasRoom(person.id)) {
			socket.disconnect(true);
			return;
		}
		client.person = person;
		client.visibility = classOf(groupsFor(person, 'device.read', directory.parents));
		this.#publisher.add(client);
		this.#checkSessions([client]).catch((error: unknown) => {
			this.#app.log.warn({ err: error }, 'the session of a live socket');
			this.#unsure = true;
		});
		socket.on('disconnect', () => this.#publisher.remove(client));
		socket.emit('hello', {
			epoch: this.#publisher.epoch,
			version: this.#app.version,
			now: fleet.now(),
			status: fleet.status(),
		});
		socket.on('view', (raw, answer) =>
			this.#asked(client, View, raw, answer, (view) => {
				if (!fleet.loaded) return { ok: false, error: 'The fleet is being loaded' };
				const since = view.epoch === this.#publisher.epoch && view.since !== undefined ? view.since : null;
				return this.#publisher.view(client, view.tiles, view.small, since, this.#filter(view.filter));
			}),
		);
		socket.on('watch', (raw, answer) =>
			this.#asked(client, Watch, raw, answer, (watch) => {
				this.#publisher.watch(client, watch.ids);
				return { ok: true };
			}),
		);
		socket.on('trace', (raw, answer) => this.#asked(client, Trace, raw, answer, (trace) => this.#trace(client, trace)));
		socket.on('traceStop', () => client.trace?.stop());
		socket.on('pause', () => this.#publisher.pause(client));
		socket.on('resume', () => (client.requests++ < MAX_REQUESTS ? this.#publisher.resume(client) : undefined));
	}

	/** Checks what a client asks, and answers it; nothing that it sends can throw. */
	#asked<S extends z.ZodType>(
		client: Client,
		schema: S,
		raw: unknown,
		answer: unknown,
		work: (value: z.output<S>) => ViewAnswer | Answer,
	): void {
		const reply = (a: ViewAnswer | Answer) =>
			typeof answer === 'function' ? (answer as (a: unknown) => void)(a) : undefined;
		if (client.requests > MAX_FLOOD) return void client.socket.disconnect(true);
		const { id } = client.person;
		const asked = (this.#asks.get(id) ?? 0) + 1;
		this.#asks.set(id, asked);
		if (client.requests++ >= MAX_REQUESTS || asked > MAX_REQUESTS_OF_ONE)
			return reply({ ok: false, error: 'Too many requests' });
		const parsed = schema.safeParse(raw);
		if (!parsed.success) return reply({ ok: false, error: parsed.error.issues[0]?.message ?? 'not as it should be' });
		try {
			reply(work(parsed.data));
		} catch (error) {
			if (!(error instanceof Problem)) this.#app.log.error({ err: error }, 'a request of the live socket');
			reply({ ok: false, error: error instanceof Problem ? error.message : 'Something went wrong here' });
		}
	}

	#filter(asked: z.output<typeof View>['filter']): ViewFilter | null {
		if (asked === undefined) return null;
		return {
			words: asked.q,
			states: asked.states,
			groups: asked.group === undefined ? undefined : this.#app.directory.within(asked.group),
			models: asked.model === undefined ? undefined : [asked.model],
			silentFor: asked.silentForS === undefined ? undefined : asked.silentForS * 1000,
		};
	}

	#trace(client: Client, { imei, seconds }: z.output<typeof Trace>): { ok: true } | { ok: false; error: string } {
		const app = this.#app;
		if (!app.fleet.loaded) return { ok: false, error: 'The fleet is being loaded' };
		if (!this.#mayTrace(client, imei)) return { ok: false, error: 'You may not do this' };
		client.trace?.stop();
		const { socket } = client;
		const lines = new TraceLines(
			() => client.isChoked,
			(line) => socket.emit('trace', line),
		);
		const trace = app.children.trace(
			client.person.id,
			imei,
			seconds,
			(line) => lines.pass(line),
			(reason) => {
				lines.end();
				if (client.trace === trace) client.trace = null;
				socket.emit('traceEnd', { reason });
			},
		);
		client.trace = trace;
		client.traced = imei;
		const user = client.person;
		writeAudit(app.db, {
			action: 'device.trace',
			user,
			address: client.address,
			requestId: null,
			object: { kind: 'imei', id: imei },
		}).catch((error: unknown) => app.log.error({ err: error }, 'the audit log'));
		return { ok: true };
	}

	#mayTrace({ person, display }: Client, imei: string): boolean {
		if (display && !mayDisplay('device.trace')) return false;
		const { fleet, directory } = this.#app;
		const at = fleet.columns.byImei.get(imei);
		const device = at === undefined ? null : fleet.columns.inventory[at];
		// One that is in no inventory is seen by whoever sees the refused ones.
		return device
			? authorize(person, 'device.trace', directory.parents, { group: device.group })
			: authorize(person, 'refused.list', directory.parents);
	}

	/** A device that has left its group, or a group that has left its place, takes the right to a trace away. */
	#checkTraces(): void {
		for (const client of this.#publisher.clients)
			if (client.trace !== null && !this.#mayTrace(client, client.traced)) client.trace.stop();
	}

	// ---- rights and sessions

	async #notice(notice: Notice): Promise<void> {
		if (notice.kind === 'user' || notice.kind === 'group') await this.#app.directory.reload(notice);
		if (notice.kind === 'session') {
			const { ids } = notice;
			await this.#checkSessions([...this.#publisher.clients].filter((c) => ids === '*' || ids.includes(c.session)));
		}
		if (notice.kind === 'group') this.#io.emit('changed', ['groups']);
	}

	async #resync(): Promise<void> {
		this.#unsure = false;
		this.#app.directory.distrust();
		await this.#app.directory.reload();
		await this.#checkSessions([...this.#publisher.clients]);
	}

	async #recheck(): Promise<void> {
		if (this.#publisher.clients.size === 0 || this.#app.fleet.status().state === 'away') return;
		try {
			await this.#resync();
		} catch (error) {
			this.#unsure = true;
			throw error;
		}
	}

	#people(ids: string[] | null): void {
		const { directory } = this.#app;
		for (const client of [...this.#publisher.clients]) {
			if (ids !== null && !ids.includes(client.person.id)) continue;
			const person = directory.known(client.person.id);
			if (person === null) {
				client.socket.disconnect(true);
				continue;
			}
			const changed = rightsKey(person) !== rightsKey(client.person);
			client.person = person;
			const visibility = classOf(groupsFor(person, 'device.read', directory.parents));
			if (visibility.key !== client.visibility.key) {
				client.visibility = visibility;
				this.#publisher.seesOtherwise(client);
			} else if (!changed) continue;
			// A trace needs a right that may be gone.
			client.trace?.stop();
			client.socket.emit('changed', ['me', 'devices', 'groups', 'commands']);
		}
	}

	/** Sessions that have ended, or run out. */
	async #checkSessions(clients: Client[]): Promise<void> {
		if (clients.length === 0) return;
		const { db, fleet } = this.#app;
		const sids = [...new Set(clients.map((c) => c.sid))];
		const alive = await db
			.selectFrom('omnitrack.web_sessions')
			.select(['sid', 'sess'])
			.where('sid', 'in', sids)
			.where('expire', '>', new Date(fleet.now()))
			.execute();
		const there = new Set(alive.filter((r) => !isTooOld(r.sess, this.#app.config)).map((r) => r.sid));
		for (const client of clients) if (!there.has(client.sid)) client.socket.disconnect(true);
	}

	// ---- alarms

	/** To whoever may see the device. One that does not read finds them in the device's events. */
	async #tellAlarms(): Promise<void> {
		const { fleet, directory } = this.#app;
		if (this.#publisher.clients.size === 0) return this.#alarms.rest();
		if (!fleet.loaded || fleet.status().state === 'away') return;
		const arrived = await this.#alarms.arrived();
		if (arrived.length === 0) return;
		for (const client of this.#publisher.clients) {
			if (client.isFull) continue;
			const seen = arrived.filter(({ group }) => authorize(client.person, 'device.read', directory.parents, { group }));
			const alarms = seen.map(({ alarm }) => alarm);
			if (alarms.length > 0) client.socket.emit('alarms', alarms);
		}
	}

	// ---- commands

	#collect(notice: CommandNotice): void {
		for (const change of notice.changes) this.#commands.add(change.id);
		if (notice.more || this.#commands.size > 5000) this.#manyCommands = true;
	}

	/** The statuses that hold, to whoever may see the commands. */
	async #tellCommands(): Promise<void> {
		const ids = [...this.#commands];
		const many = this.#manyCommands;
		this.#commands = new Set();
		this.#manyCommands = false;
		if (many) this.#io.emit('changed', ['commands']);
		if (many || ids.length === 0 || this.#publisher.clients.size === 0) return;
		const { db, fleet, directory } = this.#app;
		const rows = await db
			.selectFrom('device_commands')
			.select(['id', 'imei', 'status'])
			.where('id', 'in', ids)
			.execute();
		const changes = rows.map((r) => {
			const at = fleet.columns.byImei.get(r.imei);
			const device = at === undefined ? null : fleet.columns.inventory[at];
			const change: CommandChange = { id: r.id, status: r.status, device: device?.id.toString() ?? null };
			return { group: device?.group ?? null, change };
		});
		for (const client of this.#publisher.clients) {
			if (client.isBehind) continue;
			const seen = changes.filter((c) =>
				authorize(client.person, 'command.read', directory.parents, { group: c.group }),
			);
			if (seen.length > 0)
				client.socket.emit(
					'commands',
					seen.map((c) => c.change),
				);
		}
	}
}

function rightsKey(p: { roles: ReadonlyMap<string, string>; readsCommands: ReadonlySet<string> }): string {
	return JSON.stringify([[...p.roles].sort(), [...p.readsCommands].sort()]);
}
