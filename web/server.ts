/** omnitrack-web: start and stop. What it does is in server/. */
import './server/no_debugger.ts';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { createServer as createHttps, type Server as TlsServer } from 'node:https';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { createAdmin, readPassword, Refusal, setupLink, signInLink } from './server/admin.ts';
import { Children } from './server/children.ts';
import { parseArguments, USAGE, UsageError, type Command } from './server/cli.ts';
import { ConfigError, loadConfig, type Config } from './server/config.ts';
import type { App } from './server/context.ts';
import { isAway, openDatabase, schemaProblem, warnOfStrangers } from './server/db.ts';
import { databaseTarget } from './server/db_url.ts';
import { Directory } from './server/directory.ts';
import { Fleet } from './server/fleet/fleet.ts';
import { httpApp } from './server/http/app.ts';
import { LiveServer } from './server/live/sockets.ts';
import { openLog } from './server/log.ts';
import { loginLimits } from './server/login_limits.ts';
import { MapOrigins, parseMapStyle } from './server/map_style.ts';
import { opsServer } from './server/ops.ts';
import { removePidfile, writePidfile } from './server/pidfile.ts';
import { requestLimits } from './server/request_limits.ts';
import { sessionHandler, sessionStore } from './server/sessions.ts';
import { VERSION } from './server/version.ts';

const DRAIN_MS = 10_000;
const GRACE_MS = 1000;
const MAP_STYLE_MS = 60_000;

function tlsFiles(config: Config): { cert: Buffer; key: Buffer } | null {
	if (config.WEB_TLS_CERT === undefined || config.WEB_TLS_KEY === undefined) return null;
	try {
		const files = { cert: readFileSync(config.WEB_TLS_CERT), key: readFileSync(config.WEB_TLS_KEY) };
		// Says whether they belong together.
		createSecureContext(files);
		return files;
	} catch (error) {
		throw new ConfigError(`WEB_TLS_CERT, WEB_TLS_KEY: ${error instanceof Error ? error.message : String(error)}`);
	}
}

function checkedConfig(path: string | undefined): Config {
	const config = loadConfig(path, process.env);
	databaseTarget('DATABASE_URL', config.DATABASE_URL);
	if (config.DATABASE_READ_URL !== undefined) databaseTarget('DATABASE_READ_URL', config.DATABASE_READ_URL);
	tlsFiles(config);
	parseMapStyle(config.WEB_MAP_STYLE);
	return config;
}

function listen(server: Server, host: string, port: number): Promise<number> {
	return new Promise((resolve, reject) => {
		server.once('error', (error) => reject(new Refusal(error.message)));
		server.listen({ host, port, exclusive: false }, () => {
			const at = server.address();
			resolve(typeof at === 'object' && at !== null ? at.port : port);
		});
	});
}

/**
 * Ends the server: requests that are under way are answered, and after a second whoever still holds a connection loses it.
 * Sockets of the live feed are no longer among the server's own connections, so all are known here.
 */
function closer(server: Server): () => Promise<void> {
	const sockets = new Set<Socket>();
	server.on('connection', (socket: Socket) => {
		sockets.add(socket);
		socket.once('close', () => sockets.delete(socket));
	});
	return () =>
		new Promise<void>((resolve) => {
			server.close(() => resolve());
			server.closeIdleConnections();
			setTimeout(() => sockets.forEach((socket) => socket.destroy()), GRACE_MS).unref();
		});
}

/** Which hosts the style of the map names, again and again: it may change, or not be there yet. Returns what ends it. */
function keepReading(app: App): () => void {
	if (app.map.setting.kind !== 'style') return () => undefined;
	const read = () =>
		void app.mapOrigins.read().catch((error: unknown) => {
			app.log.warn({ err: error instanceof Error ? error.message : error }, 'WEB_MAP_STYLE: the style can not be read');
		});
	read();
	const timer = setInterval(read, MAP_STYLE_MS);
	return () => clearInterval(timer);
}

async function serve(path: string | undefined): Promise<void> {
	const config = checkedConfig(path);
	// As other programs see it, init scripts among them.
	process.title = 'omnitrack-web';
	const { log, reopen } = openLog(config);
	const database = openDatabase(config, config.WEB_POOL, log);
	try {
		const problem = await schemaProblem(database.db);
		if (problem !== null) throw new Refusal(problem);
	} catch (error) {
		// A database that is away comes back; one that is too old does not get younger.
		if (!isAway(error)) throw error;
		log.warn({ err: error instanceof Error ? error.message : error }, 'the database does not answer: waiting for it');
	}
	const metrics = new Registry();
	void warnOfStrangers(database.db, log);
	collectDefaultMetrics({ register: metrics });
	const fleet = new Fleet(database, log, metrics);
	const map = parseMapStyle(config.WEB_MAP_STYLE);
	const app: App = {
		config,
		map,
		mapOrigins: new MapOrigins(map),
		version: VERSION,
		log,
		metrics,
		database,
		db: database.db,
		directory: new Directory(database.db, () => fleet.heard),
		fleet,
		limits: loginLimits(database.pool),
		requests: requestLimits(config.WEB_REQUESTS_PER_MINUTE),
		children: new Children(config.WEB_TGCTL ?? 'tgctl', config.DATABASE_URL),
	};
	const store = sessionStore(database.pool, config, (error) => log.warn({ err: error }, 'sessions'));
	const sessions = sessionHandler(store, config);
	const tls = tlsFiles(config);
	const handler = httpApp(app, sessions);
	const server = tls ? createHttps(tls, handler) : createHttp(handler);
	server.headersTimeout = 10_000;
	server.requestTimeout = 60_000;
	const closeServer = closer(server);
	const live = new LiveServer(app, server, sessions);
	const ops = opsServer(app);
	const closeOps = closer(ops);
	fleet.start();
	live.start();
	const stopReading = keepReading(app);
	const opsPort = await listen(ops, config.WEB_METRICS_BIND, config.WEB_METRICS_PORT);
	const port = await listen(server, config.WEB_BIND, config.WEB_PORT);
	log.info(
		{
			address: config.WEB_BIND,
			port,
			transport: config.transport,
			metricsPort: opsPort,
			version: VERSION,
			pid: process.pid,
		},
		'omnitrack-web listens',
	);

	writePidfile(config.WEB_PIDFILE);

	let stopping = false;
	const stop = async (signal: string) => {
		if (stopping) return;
		stopping = true;
		log.info({ signal }, 'draining');
		setTimeout(() => process.exit(1), DRAIN_MS).unref();
		const closed = closeServer();
		await live.stop();
		app.children.close();
		stopReading();
		await closed;
		await fleet.stop();
		await closeOps();
		await store.close();
		await database.close();
		removePidfile(config.WEB_PIDFILE);
		log.info('stopped');
		process.exit(0);
	};
	process.on('SIGTERM', () => void stop('SIGTERM'));
	process.on('SIGINT', () => void stop('SIGINT'));
	process.on('SIGUSR1', reopen);
	process.on('SIGHUP', () => {
		try {
			const next = checkedConfig(path);
			const files = tlsFiles(next);
			if (files) (server as TlsServer).setSecureContext(files);
			log.level = next.WEB_LOG_LEVEL;
			log.info(
				'the configuration is right; the certificate and the level of the log were read anew, the rest needs a restart',
			);
		} catch (error) {
			log.error({ err: error instanceof Error ? error.message : error }, 'not reloaded: the configuration is wrong');
		}
	});
}

/** Work of the command line on the database. */
async function withDatabase(
	path: string | undefined,
	work: (database: ReturnType<typeof openDatabase>, config: Config) => Promise<string>,
) {
	const config = checkedConfig(path);
	const { log } = openLog({ WEB_LOG_FILE: undefined, WEB_LOG_LEVEL: 'error' });
	const database = openDatabase(config, 2, log);
	try {
		const problem = await schemaProblem(database.db);
		if (problem !== null) throw new Refusal(problem);
		process.stdout.write(`${await work(database, config)}\n`);
	} finally {
		await database.close();
	}
}

/** Where users find it, as far as the configuration says. */
function ownAddress(config: Config): string {
	const host = config.WEB_BIND.includes(':') ? `[${config.WEB_BIND}]` : config.WEB_BIND;
	return `${config.transport === 'tls' ? 'https' : 'http'}://${host}:${config.WEB_PORT}`;
}

async function run(command: Command): Promise<void> {
	switch (command.what) {
		case 'help':
			process.stdout.write(USAGE);
			return;
		case 'version':
			process.stdout.write(`omnitrack-web ${VERSION}\n`);
			return;
		case 'test':
			checkedConfig(command.config);
			process.stdout.write('The configuration is right.\n');
			return;
		case 'admin':
			await withDatabase(command.config, async (database) =>
				createAdmin(database, command.login, command.name, await readPassword(process.stdin)),
			);
			return;
		case 'setup':
			await withDatabase(command.config, (database, config) => setupLink(database, command.url ?? ownAddress(config)));
			return;
		case 'link':
			await withDatabase(command.config, (database, config) =>
				signInLink(database, command.login, command.url ?? ownAddress(config)),
			);
			return;
		case 'serve':
			await serve(command.config);
	}
}

try {
	await run(parseArguments(process.argv.slice(2)));
} catch (error) {
	const wrong = error instanceof UsageError || error instanceof ConfigError;
	const text = error instanceof Error ? error.message : String(error);
	process.stderr.write(`omnitrack-web: ${text}\n${error instanceof UsageError ? 'Try --help.\n' : ''}`);
	if (!wrong && !(error instanceof Refusal) && !isAway(error) && error instanceof Error)
		process.stderr.write(`${error.stack ?? ''}\n`);
	process.exit(wrong ? 2 : 1);
}
