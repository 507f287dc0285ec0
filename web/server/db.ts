/**
 * The database: a pool for requests, kysely on top of it, and single connections for LISTEN. It is the only place that
 * opens connections. What is away is told by DatabaseAway; requests answer it with 503.
 */
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import { databaseHosts } from './db_url.ts';
import type { Tables } from './tables.ts';

/** The newest migration that this program was written for. */
export const SCHEMA_VERSION = 15;

export class DatabaseAway extends Error {}

const CONNECT_MS = 5000;
/** What a request may take; children and feeds have limits of their own. */
const STATEMENT_MS = 15_000;

// int8 stays text; dates become Date; numeric becomes a number, as its values here are readings.
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);

/** True for errors that say that the server is gone or not there, and not that a statement was wrong. */
export function isAway(error: unknown): boolean {
	if (error instanceof DatabaseAway) return true;
	if (!(error instanceof Error)) return false;
	const code = 'code' in error ? String(error.code) : '';
	return (
		/^(08|57P0|53300|ECONN|ENOENT|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_AGAIN|EACCES)/.test(code) ||
		/Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
			error.message,
		)
	);
}

/** Tries each host in turn, and takes the first that accepts and can be written to. */
async function connect(hosts: pg.ClientConfig[], more: pg.ClientConfig): Promise<pg.Client> {
	let last: unknown = new DatabaseAway('no host to try');
	for (const host of hosts) {
		const client = new pg.Client({ ...host, ...more, connectionTimeoutMillis: CONNECT_MS });
		client.on('error', () => undefined); // whoever uses it sees it by 'end'
		try {
			await client.connect();
			return client;
		} catch (error) {
			last = error;
			client.end().catch(() => undefined);
		}
	}
	throw last;
}

export interface Database {
	readonly pool: pg.Pool;
	readonly db: Kysely<Tables>;
	/** A connection of one's own, for LISTEN or long reads. The caller ends it. */
	connect(name: string): Promise<pg.Client>;
	close(): Promise<void>;
}

export function openDatabase(url: string, size: number, log: Logger): Database {
	const hosts = databaseHosts(url, process.env);
	// TimeZone: what is shown as text is UTC.
	const session = '-c timezone=UTC -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s';
	const base = (name: string): pg.ClientConfig => ({ application_name: name, keepAlive: true });
	const options = (host: pg.ClientConfig) => ({ ...host, options: [host.options, session].filter(Boolean).join(' ') });
	let first = 0;
	const pool = new pg.Pool({
		...options(hosts[0] ?? {}),
		...base('omnitrack-web'),
		max: size,
		statement_timeout: STATEMENT_MS,
		connectionTimeoutMillis: CONNECT_MS,
		idleTimeoutMillis: 60_000,
		Client: hosts.length > 1 ? hostPicker(hosts.map(options), () => first) : pg.Client,
	});
	pool.on('error', (error) => {
		first = (first + 1) % hosts.length;
		log.warn({ err: error.message }, 'the database closed a connection');
	});
	return {
		pool,
		db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
		connect: (name) => connect(hosts.map(options), base(`omnitrack-web ${name}`)),
		close: () => pool.end(),
	};
}

/** With several hosts, new connections of the pool go to the one whose turn it is. */
function hostPicker(hosts: pg.ClientConfig[], turn: () => number) {
	return class extends pg.Client {
		constructor(config?: string | pg.ClientConfig) {
			super({ ...(typeof config === 'object' ? config : {}), ...hosts[turn()] });
		}
	};
}

/** Says what is wrong with the schema, or null. */
export async function schemaProblem(db: Kysely<Tables>): Promise<string | null> {
	const there = await sql<{
		version: number | null;
	}>`SELECT to_regclass('schema_migrations') IS NOT NULL AS there`.execute(db);
	if (!there.rows[0] || !('there' in there.rows[0]) || there.rows[0].there !== true)
		return 'the database has no schema of OmniTrack that this role can see: run "tgctl migrate" as the owner of the tables';
	const found = await sql<{
		version: number;
	}>`SELECT coalesce(max(version), 0)::int AS version FROM schema_migrations`.execute(db);
	const version = found.rows[0]?.version ?? 0;
	if (version < SCHEMA_VERSION)
		return `the database's schema is at ${version}, this program needs ${SCHEMA_VERSION}: run "tgctl migrate" as the owner of the tables`;
	return null;
}

/** Whoever may connect may listen to what we are told, and notify us: PUBLIC should not (tgctl grants says how). */
export async function warnOfStrangers(db: Kysely<Tables>, log: Logger): Promise<void> {
	try {
		const found = await sql<{ open: boolean }>`
			SELECT EXISTS (SELECT FROM pg_database d,
				aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
				WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CONNECT') AS open`.execute(db);
		if (found.rows[0]?.open === true)
			log.warn(
				'every role of this PostgreSQL may connect to this database, listen to the live feed and notify it: ' +
					'"tgctl grants --role web" prints the statement that ends that',
			);
	} catch (error) {
		log.debug({ err: error }, 'who may connect is not known');
	}
}
