/**
 * Connections to one of several hosts, as libpq makes them: the hosts are tried in their order, and the first is taken
 * whose session is as target_session_attrs wants it. A pool of such connections, which moves on when its host is gone or
 * has become a standby.
 */
import { Socket } from 'node:net';
import pg from 'pg';
import type { Target } from './db_url.ts';

export class DatabaseAway extends Error {}

export const CONNECT_MS = 5000;
/** A host that failed is tried last for so long. */
const AVOID_MS = 10_000;
/** Connections are opened anew at most so often because a statement met a server that only reads. */
const MOVE_MS = 1000;
/** invalid_authorization_specification: pg_hba.conf has no entry for a connection like this one, not encrypted say. */
const NO_SUCH_ENTRY = '28000';
/** What comes behind its own limit of a statement is a server that is gone without a word. */
const DEAD_MS = 5000;

/** True for errors that say that the server is gone or not there, and not that a statement was wrong. */
export function isAway(error: unknown): boolean {
	if (error instanceof DatabaseAway) return true;
	if (!(error instanceof Error)) return false;
	const code = 'code' in error ? String(error.code) : '';
	return (
		/^(08|57P0|53300|25006|ECONN|ENOENT|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_AGAIN|EACCES)/.test(code) ||
		/Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
			error.message,
		)
	);
}

/** The hosts of one URL, and which of them have failed lately. */
export class Hosts {
	readonly target: Target;
	readonly #failedAt: number[];
	/** Those that have said that they can't encrypt. */
	readonly #plain = new Set<number>();
	readonly #now: () => number;

	constructor(target: Target, now: () => number = Date.now) {
		this.target = target;
		this.#now = now;
		this.#failedAt = target.hosts.map(() => -Infinity);
	}

	config(host: number): pg.ClientConfig {
		return { ...this.target.hosts[host], ...(this.#plain.has(host) ? { ssl: false } : {}) };
	}

	/** Is another attempt worth it at once, the other way: not encrypted, or encrypted again? */
	otherWay(host: number, error: unknown): boolean {
		if (this.target.hosts[host]?.plainWillDo !== true || !(error instanceof Error)) return false;
		// The driver's own words; there is no code.
		if (error.message.includes('does not support SSL')) {
			this.#plain.add(host);
			return true;
		}
		return 'code' in error && error.code === NO_SUCH_ENTRY && this.#plain.delete(host);
	}

	get count(): number {
		return this.target.hosts.length;
	}

	/** The host to try next: the first that has not failed lately, else the one that failed longest ago. */
	best(): number {
		const fresh = this.#failedAt.findIndex((at) => this.#now() - at > AVOID_MS);
		return fresh >= 0 ? fresh : this.#failedAt.indexOf(Math.min(...this.#failedAt));
	}

	failed(host: number): void {
		this.#failedAt[host] = this.#now();
	}

	/** Is there a host left that has not failed lately? */
	get hasOther(): boolean {
		return this.#failedAt.some((at) => this.#now() - at > AVOID_MS);
	}
}

/** Throws for a session that is not of the kind that is wanted. */
async function checkSession(client: pg.ClientBase, hosts: Hosts, host: number): Promise<void> {
	const { wanted } = hosts.target;
	if (wanted === 'any') return;
	const found = await client.query<{ standby: boolean; reads: boolean }>(
		"SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS reads",
	);
	const { standby, reads } = found.rows[0] ?? { standby: false, reads: false };
	const fits = {
		'read-write': !reads,
		'read-only': reads,
		primary: !standby,
		standby: standby,
		'prefer-standby': standby,
	}[wanted];
	if (fits) return;
	hosts.failed(host);
	// Of all hosts none is a standby: then any will do.
	if (wanted === 'prefer-standby' && !hosts.hasOther) return;
	throw new DatabaseAway(`the server is none that target_session_attrs=${wanted} asks for`);
}

/** A connection of one's own, which the caller ends. */
export async function connectOne(hosts: Hosts, more: pg.ClientConfig): Promise<pg.Client> {
	let last: unknown = new DatabaseAway('no host to try');
	for (let tries = 0; tries < hosts.count; tries++) {
		const host = hosts.best();
		const client = new pg.Client({ ...hosts.config(host), ...more, connectionTimeoutMillis: CONNECT_MS });
		client.on('error', () => undefined); // whoever uses it sees it by 'end'
		try {
			await client.connect();
			await checkSession(client, hosts, host);
			return client;
		} catch (error) {
			last = error;
			client.end().catch(() => undefined);
			if (hosts.otherWay(host, error)) tries--;
			else hosts.failed(host);
		}
	}
	throw last;
}

type Connected = (
	error: Error | undefined,
	client: pg.PoolClient | undefined,
	done: (release?: boolean) => void,
) => void;

interface PoolOptions extends pg.ClientConfig {
	max: number;
	/** What one statement may take. */
	statement_timeout: number;
}

/** A pool over the hosts. */
export class HostPool extends pg.Pool {
	readonly #hosts: Hosts;
	readonly #hostOf: WeakMap<pg.ClientBase, number>;
	/** Connections that were made before the server was found to be another one's standby. */
	#stale = new WeakSet<pg.ClientBase>();
	readonly #open = new Set<pg.ClientBase>();
	#movedAt = 0;

	constructor(hosts: Hosts, options: PoolOptions) {
		const hostOf = new WeakMap<pg.ClientBase, number>();
		const wrote = (client: pg.ClientBase, code: string) => (code === '25006' ? this.#moved(client) : undefined);
		const dead = options.statement_timeout + DEAD_MS;
		super({
			...options,
			connectionTimeoutMillis: CONNECT_MS,
			// Less than after what a silent connection is taken for dead.
			idleTimeoutMillis: Math.min(60_000, dead - 2000),
			Client: class extends pg.Client {
				constructor(config?: string | pg.ClientConfig) {
					const host = hosts.best();
					super({ ...(typeof config === 'object' ? config : {}), ...hosts.config(host) });
					hostOf.set(this, host);
					// One that breaks while it is lent fails its statements; without this it would end the program.
					this.on('error', () => undefined);
					this.connection.on('errorMessage', (message: { code?: string }) => wrote(this, message.code ?? ''));
					this.once('connect', () => {
						const { stream } = this.connection;
						if (stream instanceof Socket)
							stream.setTimeout(dead, () => stream.destroy(new Error('the database is silent')));
					});
				}
			},
			// eslint-disable-next-line @typescript-eslint/no-misused-promises -- the pool waits for it, which its types don't say
			onConnect: (client: pg.ClientBase) => checkSession(client, hosts, hostOf.get(client) ?? 0),
		});
		this.#hosts = hosts;
		this.#hostOf = hostOf;
		this.on('connect', (client) => this.#open.add(client));
		this.on('remove', (client) => this.#open.delete(client));
		this.on('error', (_error, client) => this.#hosts.failed(this.#hostOf.get(client) ?? 0));
	}

	/** A server that wrote until now only reads: another one does the writing. */
	#moved(client: pg.ClientBase): void {
		if (Date.now() - this.#movedAt < MOVE_MS) return;
		this.#movedAt = Date.now();
		this.#hosts.failed(this.#hostOf.get(client) ?? 0);
		for (const open of this.#open) this.#stale.add(open);
	}

	override connect(): Promise<pg.PoolClient>;
	override connect(callback: Connected): void;
	override connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
		const found = this.#connect();
		if (callback === undefined) return found;
		found.then(
			(client) => callback(undefined, client, (release) => client.release(release)),
			(error: unknown) =>
				callback(error instanceof Error ? error : new DatabaseAway(String(error)), undefined, () => undefined),
		);
		return undefined;
	}

	async #connect(): Promise<pg.PoolClient> {
		for (let tries = 1; ; ) {
			const host = this.#hosts.best();
			try {
				const client = await super.connect();
				if (!this.#stale.has(client)) return client;
				client.release(true);
			} catch (error) {
				if (this.#hosts.otherWay(host, error)) continue;
				const full = error instanceof Error && error.message.startsWith('timeout exceeded');
				if (full || !isAway(error) || this.ending) throw error;
				this.#hosts.failed(host);
				if (tries++ >= this.#hosts.count) throw error;
			}
		}
	}
}
