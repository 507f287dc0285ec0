/**
 * Who asks: by an API token in Authorization (then the cookie counts for nothing), or by the session of the cookie. With
 * the cookie, whatever changes something must come from our own pages.
 */
import type { Request, RequestHandler } from 'express';
import type { App } from '../context.ts';
import type { Person } from '../directory.ts';
import { addressKey } from '../login_limits.ts';
import { hashToken } from '../passwords.ts';
import { Problem } from '../problem.ts';
import type { Route } from './route.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
/** May be done by a wall display, which otherwise only reads. */
const DISPLAY_MAY = new Set(['/session']);

export const onlyShows = () => new Problem(403, 'A display only shows', { detail: 'Sign in as yourself to do more.' });

/** Does the request come from a wall display? */
export function isDisplay(req: Request): boolean {
	return req.headers.authorization === undefined && req.session.kind === 'display';
}

/** Is this Origin the address that the request itself was sent to? */
export function isOwnOrigin(origin: string | undefined, host: string | undefined, secure: boolean): boolean {
	return origin !== undefined && host !== undefined && origin === `${secure ? 'https' : 'http'}://${host}`;
}

/** Throws for a request that another site may have made a browser send. */
export function checkSameOrigin(req: Request): void {
	if (SAFE.has(req.method)) return;
	const site = req.get('sec-fetch-site');
	const own =
		site !== undefined
			? site === 'same-origin'
			: isOwnOrigin(req.get('origin'), req.get('host'), req.protocol === 'https');
	if (!own)
		throw new Problem(403, 'This request does not come from our own pages', {
			detail: 'Programs use a token in Authorization instead of the cookie.',
		});
}

/** What a token's scopes let it do: `read` whatever only looks, `write` the rest too. One without them does nothing. */
export function scopeAllows(scopes: readonly string[], method: string): boolean {
	return scopes.includes('write') || (scopes.includes('read') && SAFE.has(method));
}

async function byToken(app: App, header: string, method: string): Promise<Person | null> {
	const token = /^Bearer ([A-Za-z0-9_-]{20,200})$/.exec(header)?.[1];
	const found =
		token === undefined
			? undefined
			: await app.db
					.selectFrom('omnitrack.api_tokens')
					.select(['id', 'user_id', 'scopes', 'last_used_at'])
					.where('token_hash', '=', hashToken(token))
					.where('expires_at', '>', new Date(app.fleet.now()))
					.executeTakeFirst();
	const person = found === undefined ? null : await app.directory.person(found.user_id);
	if (found === undefined || person === null) return null;
	if (!scopeAllows(found.scopes, method))
		throw new Problem(403, 'The token may not do this', { detail: 'It needs a token of the scope write.' });
	if (found.last_used_at === null || app.fleet.now() - found.last_used_at.getTime() > 60_000)
		await app.db
			.updateTable('omnitrack.api_tokens')
			.set({ last_used_at: new Date(app.fleet.now()) })
			.where('id', '=', found.id)
			.execute();
	return person;
}

/** With Authorization the cookie is ignored: no session is read, kept alive or ended by it. */
export const ignoreCookie: RequestHandler = (req, _res, next) => {
	if (req.headers.authorization !== undefined) delete req.headers.cookie;
	next();
};

export async function identify(app: App, req: Request, route: Pick<Route, 'method' | 'path'>): Promise<Person | null> {
	const header = req.get('authorization');
	if (header !== undefined) {
		const from = addressKey(req.ip ?? '');
		await app.requests.mayTry(from);
		const person = await byToken(app, header, req.method);
		if (person !== null) return person;
		await app.requests.failed(from);
		throw new Problem(401, 'The token is not known, or no longer valid', {
			detail: 'Send Authorization: Bearer and a token that is valid.',
			headers: { 'www-authenticate': 'Bearer' },
		});
	}
	checkSameOrigin(req);
	const id = req.session.userId;
	const person = id === undefined ? null : await app.directory.person(id);
	if (person !== null && isDisplay(req) && !SAFE.has(req.method) && !DISPLAY_MAY.has(route.path)) throw onlyShows();
	return person;
}
