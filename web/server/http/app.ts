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
import { notFound, Problem } from '../problem.ts';
import { STATIC_DIR } from '../version.ts';
import { ignoreCookie } from './identify.ts';
import { mount, requestIdOf } from './mount.ts';

/** Origins that the map's style is loaded from, beside our own. */
function mapOrigins(style: string | undefined): string[] {
	if (style === undefined || !/^https?:\/\//.test(style)) return [];
	// {s}, {z} and the like are no part of an origin.
	const origin = /^https?:\/\/[^/{}]+/.exec(style)?.[0];
	return origin === undefined ? [] : [origin];
}

function securityHeaders(app: App): RequestHandler {
	const map = mapOrigins(app.config.WEB_MAP_STYLE);
	return helmet({
		contentSecurityPolicy: {
			useDefaults: false,
			directives: {
				defaultSrc: ["'none'"],
				scriptSrc: ["'self'"],
				styleSrc: ["'self'"],
				imgSrc: ["'self'", 'data:', 'blob:', ...map],
				fontSrc: ["'self'"],
				connectSrc: ["'self'", ...map],
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

function toProblem(error: unknown): Problem | null {
	if (error instanceof Problem) return error;
	if (error instanceof Busy) return new Problem(503, 'Too many logins at once', { headers: { 'retry-after': '2' } });
	if (isAway(error))
		return new Problem(503, 'The database does not answer', {
			detail: 'Try again in a moment.',
			headers: { 'retry-after': '3' },
		});
	const code = error instanceof Error && 'code' in error ? error.code : undefined;
	if (code === '57014' || code === '55P03')
		return new Problem(503, 'The database is too busy for this', { detail: 'Try again in a moment.' });
	// What no schema here has refused, and the database does.
	if (code === '23514' || code === '22001' || code === '22003' || code === '22P02')
		return new Problem(422, 'The database does not accept this', {
			detail: 'A value is too long, or not what may stand there.',
		});
	// What express and its parser throw.
	const status = error instanceof Error && 'status' in error ? Number(error.status) : 500;
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
		if (problem.status >= 500) app.log.error({ err: error, requestId: req.id, path: req.path }, problem.message);
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

/** The built pages: hashed assets for ever, and one page for each address that a user may open. */
function pages(app: App): RequestHandler[] {
	const dir = app.config.WEB_STATIC_DIR ?? STATIC_DIR;
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
		const outside = /^\/(login|setup)(\/|$)/.test(req.path);
		if (!outside && req.session.userId === undefined && existsSync(join(dir, 'login.html'))) {
			res.redirect(302, req.originalUrl === '/' ? '/login' : `/login?next=${encodeURIComponent(req.originalUrl)}`);
			return;
		}
		const file = outside && existsSync(join(dir, 'login.html')) ? 'login.html' : 'index.html';
		if (!existsSync(join(dir, file)))
			return next(new Problem(404, 'The pages are not built', { detail: 'Build them: scripts/web build.' }));
		res.set('cache-control', 'no-cache').sendFile(file, { root: dir });
	};
	return [assets, page];
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
	http.set('trust proxy', app.config.WEB_TRUST_PROXY.length > 0 ? app.config.WEB_TRUST_PROXY : false);
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
	const [assets, page] = pages(app);
	if (assets) http.use(assets);
	http.use(sessions);
	if (page) http.use(page);
	http.use(failures(app));
	return http;
}
