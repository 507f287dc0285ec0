/**
 * The HTTP application: security headers, sessions, the API, the pages. What fails is answered as problem+json with the
 * request's id, and never with a stack.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { Histogram } from 'prom-client';
import { routes } from '../api/index.ts';
import type { App } from '../context.ts';
import { isAway } from '../db.ts';
import { docsPage, docsStyle, openApi } from '../openapi.ts';
import { Busy } from '../passwords.ts';
import { MAP_FILE_PATH } from '../map_style.ts';
import { notFound, Problem } from '../problem.ts';
import { STATIC_DIR } from '../version.ts';
import { compressed } from './compressed.ts';
import { Proxies } from './client_address.ts';
import { ignoreCookie } from './identify.ts';
import { mapFile } from './map_file.ts';
import { mount, requestIdOf } from './mount.ts';

function securityHeaders(app: App): RequestHandler {
	const map = () => app.mapOrigins.list.join(' ');
	return helmet({
		contentSecurityPolicy: {
			useDefaults: false,
			directives: {
				defaultSrc: ["'none'"],
				scriptSrc: ["'self'"],
				styleSrc: ["'self'"],
				imgSrc: ["'self'", 'data:', 'blob:', map],
				fontSrc: ["'self'"],
				connectSrc: ["'self'", map],
				workerSrc: ["'self'"],
				manifestSrc: ["'self'"],
				mediaSrc: ["'self'"],
				frameAncestors: ["'none'"],
				baseUri: ["'none'"],
				formAction: ["'self'"],
			},
		},
		strictTransportSecurity: app.config.WEB_HSTS ? { maxAge: 31_536_000, includeSubDomains: false } : false,
		referrerPolicy: { policy: 'same-origin' },
		crossOriginEmbedderPolicy: false,
	});
}

/** On this host alone, or behind a proxy that encrypts, the connection counts as secure: the cookie needs that. */
function secured(app: App): RequestHandler {
	return (req, _res, next) => {
		if (app.config.transport === 'loopback') Object.defineProperty(req, 'secure', { value: true });
		else if (app.config.transport === 'proxy' && !req.secure)
			throw new Problem(403, 'This connection is not encrypted', {
				detail: 'Use the address of the proxy in front, by https. It must send X-Forwarded-Proto: https.',
			});
		next();
	};
}

/** What express says of the size of a file when it has no such range. */
function contentRange(error: unknown): Record<string, string> {
	const headers = error instanceof Error && 'headers' in error ? (error.headers as Record<string, unknown>) : {};
	const range = headers['Content-Range'];
	return typeof range === 'string' ? { 'content-range': range } : {};
}

function toProblem(error: unknown): Problem | null {
	if (error instanceof Problem) return error;
	if (error instanceof Busy) return new Problem(503, 'Too many logins at once', { headers: { 'retry-after': '2' } });
	if (isAway(error))
		return new Problem(503, 'The database does not answer', {
			detail: 'Try again in a moment.',
			headers: { 'retry-after': '3' },
		});
	const code = error instanceof Error && 'code' in error ? error.code : undefined;
	// The last is what a standby says of a read that stood in the way of what it has to write.
	if (code === '57014' || code === '55P03' || code === '40001')
		return new Problem(503, 'The database is too busy for this', { detail: 'Try again in a moment.' });
	// What no schema here has refused, and the database does.
	if (
		code === '23514' ||
		code === '22001' ||
		code === '22003' ||
		code === '22P02' ||
		code === '22P05' ||
		code === '22021'
	)
		return new Problem(422, 'The database does not accept this', {
			detail: 'A value is too long, or not what may stand there.',
		});
	// What express and its parser throw.
	const status = error instanceof Error && 'status' in error ? Number(error.status) : 500;
	if (status === 416)
		return new Problem(416, 'The file has no such part', {
			detail: 'Ask for a range within its size, which stands in Content-Range.',
			headers: contentRange(error),
		});
	if (status === 413) return new Problem(413, 'The body is too large', { detail: 'At most 100 kB.' });
	if (status === 415)
		return new Problem(415, 'The encoding of the body is not known', { detail: 'Send JSON in UTF-8.' });
	if (status >= 400 && status < 500)
		return new Problem(400, 'The request can not be read', { detail: 'It must be valid JSON, and a valid path.' });
	return null;
}

function failures(app: App): ErrorRequestHandler {
	return (error: unknown, req, res, next) => {
		const problem =
			toProblem(error) ??
			new Problem(500, 'Something went wrong here', { detail: 'It stands in the log under requestId.' });
		// What is refused on purpose for now (503) is no fault of ours.
		const about = { requestId: req.id, path: req.path };
		const isMeant = problem.status === 503 && (error instanceof Problem || error instanceof Busy);
		if (problem.status >= 500 && !isMeant) app.log.error({ err: error, ...about }, problem.message);
		else if (isMeant) app.log.info(about, problem.message);
		if (res.headersSent) {
			next(error);
			return;
		}
		res.removeHeader('etag');
		res
			.status(problem.status)
			.set(problem.headers)
			.type('application/problem+json')
			.send(JSON.stringify(problem.body(requestIdOf(req))));
	};
}

const isOutside = (path: string) => /^\/(login|setup)(\/|$)/.test(path);

/**
 * Who asks for a page while sessions can't be read gets the page all the same: it says what is wrong, and comes back by itself.
 * It holds nothing of anybody.
 */
function pageWhileAway(dir: string): ErrorRequestHandler {
	return (error: unknown, req, res, next) => {
		const file = isOutside(req.path) ? 'login.html' : 'index.html';
		if (!isAway(error) || req.method !== 'GET' || !req.accepts('html') || !existsSync(join(dir, file))) {
			next(error);
			return;
		}
		res.status(503).set({ 'cache-control': 'no-store', 'retry-after': '3' }).sendFile(file, { root: dir });
	};
}

/** The built pages: hashed assets for ever, and one page for each address that a user may open. */
function pages(dir: string): { files: RequestHandler[]; page: RequestHandler } {
	const assets = express.static(dir, {
		index: false,
		redirect: false,
		setHeaders: (res, path) =>
			void res.setHeader(
				'cache-control',
				path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
			),
	});
	const page: RequestHandler = (req, res, next) => {
		if (req.method !== 'GET' && req.method !== 'HEAD') return next(notFound());
		if (/\.[a-z0-9]+$/i.test(req.path)) return next(notFound());
		const outside = isOutside(req.path);
		if (!outside && req.session.userId === undefined && existsSync(join(dir, 'login.html'))) {
			res.redirect(302, req.originalUrl === '/' ? '/login' : `/login?next=${encodeURIComponent(req.originalUrl)}`);
			return;
		}
		const file = outside && existsSync(join(dir, 'login.html')) ? 'login.html' : 'index.html';
		if (!existsSync(join(dir, file)))
			return next(new Problem(404, 'The pages are not built', { detail: 'Build them: scripts/web build.' }));
		res.set('cache-control', 'no-cache').sendFile(file, { root: dir });
	};
	return { files: [compressed(dir), assets], page };
}

export function httpApp(app: App, sessions: RequestHandler): Express {
	const durations = new Histogram({
		name: 'omnitrack_http_seconds',
		help: 'How long requests took, by route and status',
		labelNames: ['method', 'route', 'status'],
		buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
		registers: [app.metrics],
	});
	const http = express();
	http.disable('x-powered-by');
	http.disable('etag');
	http.set('query parser', 'simple');
	const proxies = new Proxies(app.config.WEB_TRUST_PROXY);
	http.set('trust proxy', (peer: string) => proxies.isTrusted(peer));
	http.use(
		pinoHttp({
			logger: app.log,
			genReqId: (_req, res) => {
				const id = randomUUID();
				res.setHeader('x-request-id', id);
				return id;
			},
			// Neither headers nor queries: they may hold what lets somebody in.
			serializers: {
				req: (req: { id: string; method: string; url: string }) => ({
					id: req.id,
					method: req.method,
					path: req.url.split('?')[0],
				}),
				res: (res: { statusCode: number }) => ({ status: res.statusCode }),
			},
			customLogLevel: (_req, res, error) => (res.statusCode >= 500 || error ? 'warn' : 'debug'),
		}),
	);
	http.use((req, res, next) => {
		const end = durations.startTimer();
		res.on('finish', () => {
			const route = req.route as { path?: unknown } | undefined;
			end({
				method: req.method,
				route: typeof route?.path === 'string' ? route.path : 'pages',
				status: String(res.statusCode),
			});
		});
		next();
	});
	http.use(securityHeaders(app));
	http.use(secured(app));

	const api = express.Router();
	api.use((_req, res, next) => {
		res.set('cache-control', 'no-store');
		next();
	});
	api.get('/openapi.json', (_req, res) => void res.json(openApi(routes, app.version)));
	api.use(ignoreCookie);
	api.use(sessions);
	api.use(express.json({ limit: '100kb', strict: true }));
	api.use(mount(app, routes));
	api.use(() => {
		throw notFound();
	});
	http.use('/api/v1', api);
	http.get('/api/docs', (_req, res) => void res.type('html').send(docsPage(openApi(routes, app.version))));
	http.get('/api/docs.css', (_req, res) => void res.type('css').send(docsStyle));
	http.use('/api', () => {
		throw notFound();
	});
	const dir = app.config.WEB_STATIC_DIR ?? STATIC_DIR;
	const { files, page } = pages(dir);
	http.use(...files);
	http.use(sessions);
	const { file } = app.map;
	if (file !== null) http.get(MAP_FILE_PATH, mapFile(file));
	http.use(page);
	http.use(pageWhileAway(dir));
	http.use(failures(app));
	return http;
}
