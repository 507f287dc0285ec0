/**
 * The database: a pool for requests, kysely on top of it, one for heavy reads, and single connections for LISTEN. It is the
 * only place that opens connections. What is away is told by DatabaseAway; requests answer it with 503.
 */
import { Kysely, PostgresDialect, sql, type RawBuilder } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { connectOne, DatabaseAway, HostPool, Hosts } from './db_pool.ts';
import { databaseTarget } from './db_url.ts';
import type { Tables } from './tables.ts';

export { DatabaseAway, isAway } from './db_pool.ts';

/** The newest migration that this program was written for. */
export const SCHEMA_VERSION = 16;

/** What a request may take; children and feeds have limits of their own. */
const STATEMENT_MS = 15_000;
/** What reads much: history, tracks, exports. Few at once, so that they leave the database to the others. */
const READ_STATEMENT_MS = 60_000;
const READ_POOL = 4;

// int8 stays text; dates become Date; numeric becomes a number, as its values here are readings.
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);

export interface Database {
	readonly pool: pg.Pool;
	readonly db: Kysely<Tables>;
	/**
	 * For what reads much: DATABASE_READ_URL, a standby as a rule, which may be some seconds behind; without it the same
	 * server. It has few connections and a longer limit of a statement.
	 */
	readonly read: pg.Pool;
	/** A connection of one's own, for LISTEN or long reads. The caller ends it. */
	connect(name: string): Promise<pg.Client>;
	close(): Promise<void>;
}

export function openDatabase(
	config: Pick<Config, 'DATABASE_URL' | 'DATABASE_READ_URL'>,
	size: number,
	log: Logger,
): Database {
	const main = new Hosts(withSession(databaseTarget('DATABASE_URL', config.DATABASE_URL, process.env)));
	const heavy =
		config.DATABASE_READ_URL === undefined
			? new Hosts(main.target)
			: new Hosts(withSession(databaseTarget('DATABASE_READ_URL', config.DATABASE_READ_URL, process.env)));
	const base = (name: string): pg.ClientConfig => ({ application_name: name, keepAlive: true });
	const pool = new HostPool(main, { ...base('omnitrack-web'), max: size, statement_timeout: STATEMENT_MS });
	const read = new HostPool(heavy, {
		...base('omnitrack-web read'),
		max: READ_POOL,
		statement_timeout: READ_STATEMENT_MS,
	});
	for (const one of [pool, read])
		one.on('error', (error) => log.warn({ err: error.message }, 'the database closed a connection'));
	return {
		pool,
		db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
		read,
		connect: (name) => connectOne(main, base(`omnitrack-web ${name}`)),
		async close() {
			await Promise.all([pool.end(), read.end()]);
		},
	};
}

/** A statement of kysely's, for a pool that is not its own. */
const compiler = new Kysely<Tables>({
	dialect: new PostgresDialect({ pool: () => Promise.reject(new DatabaseAway()) }),
});
export function compiled(statement: RawBuilder<unknown>): { text: string; values: unknown[] } {
	const { sql: text, parameters } = statement.compile(compiler);
	return { text, values: [...parameters] };
}

/** TimeZone: what is shown as text is UTC. */
function withSession(target: ReturnType<typeof databaseTarget>): ReturnType<typeof databaseTarget> {
	const session = '-c timezone=UTC -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s';
	return {
		...target,
		hosts: target.hosts.map((host) => ({ ...host, options: [host.options, session].filter(Boolean).join(' ') })),
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
