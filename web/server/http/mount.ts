/**
 * Puts routes under /api/v1. Of each request: who asks, may they, is it as it should be; then the handler; then the
 * answer. A route whose permission isn't declared, or whose path doesn't name what the permission is about, doesn't start.
 */
import { createHash } from 'node:crypto';
import { Router, type NextFunction, type Request, type Response } from 'express';
import { actions, authorize, mayDisplay } from '../../shared/permissions.ts';
import { writeAudit } from '../audit.ts';
import type { App } from '../context.ts';
import { forbidden, invalid, notFound, notSignedIn, Problem } from '../problem.ts';
import { addressKey } from '../login_limits.ts';
import { markPassive } from '../sessions.ts';
import { identify, isDisplay, onlyShows } from './identify.ts';
import type { Context, Route } from './route.ts';

/** As pino-http has set it. */
export function requestIdOf(req: Request): string {
	return typeof req.id === 'string' ? req.id : '';
}

/** Throws for a route that must not start. */
export function checkRoute(route: Route): void {
	const where = `${route.method.toUpperCase()} ${route.path}`;
	if (!Object.hasOwn(actions, route.action)) throw new Error(`${where}: no declared permission (${route.action})`);
	const { scope } = actions[route.action];
	if (scope === 'device' && !route.path.includes(':device'))
		throw new Error(`${where}: ${route.action} is about a device, and the path has none`);
	if (scope === 'group' && !route.path.includes(':group'))
		throw new Error(`${where}: ${route.action} is about a group, and the path has none`);
	for (const name of route.path.matchAll(/:([a-z]+)/gi))
		if (!route.params) throw new Error(`${where}: ${name[0]} has no schema`);
	if (route.method === 'get' && route.body) throw new Error(`${where}: a GET has no body`);
}

/** The place of a device that the person may see; else 404, as if it weren't there. */
export function findDevice(app: App, person: Context['person'], ref: string): number {
	if (!app.fleet.loaded) throw new Problem(503, 'The fleet is being loaded', { detail: 'Try again in a few seconds.' });
	const { columns } = app.fleet;
	const at = ref.startsWith('imei:') ? columns.byImei.get(ref.slice(5)) : columns.places.get(BigInt(ref));
	const device = at === undefined ? null : columns.inventory[at];
	if (at === undefined || !device || !authorize(person, 'device.read', app.directory.parents, { group: device.group }))
		throw notFound('There is no such device');
	return at;
}

/** Equal for values that are alike. */
export function tagOf(value: unknown): string {
	return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 22);
}

export const etagOf = (value: unknown): string => `"${tagOf(value)}"`;

function contextOf(app: App, req: Request, res: Response, person: Context['person']): Context {
	const requestId = requestIdOf(req);
	const address = req.ip ?? '';
	const display = isDisplay(req);
	const ctx: Context = {
		app,
		req,
		res,
		requestId,
		address,
		params: undefined,
		query: undefined,
		body: undefined,
		person,
		display,
		byToken: req.headers.authorization !== undefined,
		place: -1,
		group: '',
		may: (action, object) =>
			(!display || mayDisplay(action)) && authorize(person, action, app.directory.parents, object),
		must(action, object) {
			if (!ctx.may(action, object)) throw forbidden();
		},
		who() {
			if (person === null) throw notSignedIn();
			return person;
		},
		tag: (value) => void res.set('etag', etagOf(value)),
		ifMatch(value) {
			const given = req.get('if-match');
			if (given === undefined || given === '*') return;
			if (given.trim() === '')
				throw new Problem(400, 'If-Match is not as it should be', {
					detail: 'Give the ETag of what is to be changed.',
				});
			if (!given.split(',').some((one) => one.trim() === etagOf(value)))
				throw new Problem(412, 'Somebody else has changed it meanwhile', {
					detail: 'Load it again, and then change it.',
				});
		},
		audit: (trx, action, object, details) =>
			writeAudit(trx, { action, user: person, address: address || null, requestId, object, details }),
	};
	return ctx;
}

/** Decides, and finds what the action is done to. */
function decide(route: Route, ctx: Context): void {
	const { scope } = actions[route.action];
	const { app, person } = ctx;
	if (scope === 'public') return;
	if (person === null) throw notSignedIn();
	if (ctx.display && !mayDisplay(route.action)) throw onlyShows();
	const params = ctx.params as Record<string, string> | undefined;
	if (scope === 'device') {
		ctx.place = findDevice(app, person, params?.device ?? '');
		ctx.must(route.action, { group: app.fleet.columns.inventory[ctx.place]?.group ?? null });
	} else if (scope === 'group') {
		ctx.group = params?.group ?? '';
		const visible = app.directory.groups.has(ctx.group) && ctx.may('device.read', { group: ctx.group });
		if (!visible) throw notFound('There is no such group');
		ctx.must(route.action, { group: ctx.group });
	} else {
		ctx.must(route.action);
	}
}

function parse(route: Route, ctx: Context): void {
	const parts = [
		['path', 'params', ctx.req.params],
		['query', 'query', ctx.req.query],
		['body', 'body', ctx.req.body as unknown],
	] as const;
	for (const [where, name, raw] of parts) {
		const schema = route[name];
		if (!schema) {
			if (name === 'query' && Object.keys(raw).length > 0)
				throw new Problem(400, 'The request is not as it should be', { detail: 'There are no parameters here.' });
			continue;
		}
		if (name === 'body' && raw === undefined)
			throw new Problem(ctx.req.get('content-type') ? 415 : 400, 'A body of JSON is needed', {
				detail: 'Send it with Content-Type: application/json.',
			});
		const result = schema.safeParse(raw);
		// What can't be an id is no device.
		if (!result.success && name === 'params') throw notFound();
		if (!result.success) throw invalid(where, result.error);
		ctx[name] = result.data;
	}
}

async function serve(app: App, route: Route, req: Request, res: Response, next: NextFunction): Promise<void> {
	const person = await identify(app, req, route);
	if (route.passive === true || req.get('omnitrack-background') !== undefined) markPassive(req.session);
	await app.requests.take(person?.id ?? addressKey(req.ip ?? ''), res);
	const ctx = contextOf(app, req, res, person);
	if (person === null && actions[route.action].scope !== 'public') throw notSignedIn();
	const params = route.params?.safeParse(req.params);
	// What can't be an id may be the name of another route.
	if (params && !params.success) return next();
	ctx.params = params?.data;
	// First whether they may: what is wrong with a request that isn't allowed is nobody's business.
	decide(route, ctx);
	parse(route, ctx);
	const answer = await route.handler(ctx);
	if (res.headersSent) return;
	if (!route.answer) res.status(204).end();
	else if (res.get('etag') !== undefined && res.get('etag') === req.get('if-none-match') && route.method === 'get')
		res.status(304).end();
	else res.status(route.status ?? 200).json(answer);
}

/** A router with these routes, and 405 for other methods of their paths. */
export function mount(app: App, routes: readonly Route[]): Router {
	const router = Router({ caseSensitive: true, strict: true });
	const methods = new Map<string, Set<string>>();
	for (const route of routes) {
		checkRoute(route);
		const known = methods.get(route.path) ?? new Set<string>();
		if (known.has(route.method)) throw new Error(`${route.method} ${route.path} stands there twice`);
		methods.set(route.path, known.add(route.method));
		router[route.method](route.path, (req: Request, res: Response, next: NextFunction) =>
			serve(app, route, req, res, next),
		);
	}
	// Names before parameters, as /devices/import would be an id to /devices/:device.
	const paths = [...methods].sort(([a], [b]) => Number(a.includes(':')) - Number(b.includes(':')));
	for (const [path, known] of paths)
		router.all(path, (req, res) => {
			if (known.has(req.method === 'HEAD' ? 'get' : req.method.toLowerCase())) throw notFound();
			const allow = [...known, ...(known.has('get') ? ['head'] : [])].map((m) => m.toUpperCase()).join(', ');
			res.set('allow', allow);
			throw new Problem(405, `${req.method} is not done here`, { detail: `Possible: ${allow}.` });
		});
	return router;
}
