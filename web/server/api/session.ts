/** session: who is signed in here; signing in and out; one-time links (first administrator, new password, display, demo). */
import type { Request } from 'express';
import type { Kysely } from 'kysely';
import type { Deed } from '../../shared/deeds.ts';
import { SessionInfo, SetupClaim, SetupInfo, SetupLook, SignIn, Me } from '../../shared/schemas.ts';
import { writeAudit } from '../audit.ts';
import type { App } from '../context.ts';
import { hasNoAdmin, holdAdmins, type Person } from '../directory.ts';
import { route, type Context } from '../http/route.ts';
import { hashPassword, hashToken, NOBODY, verifyPassword } from '../passwords.ts';
import { knownBrowser, rememberBrowser } from '../known_browsers.ts';
import { Problem, unfit } from '../problem.ts';
import { DISPLAY_DAYS } from '../sessions.ts';
import type { Tables } from '../tables.ts';
import { describeMe } from './me.ts';

const wrong = () => new Problem(401, 'Login or password is wrong', { detail: 'Check both and try again.' });
const badLink = () =>
	new Problem(410, 'This link is no longer valid', { detail: 'Links work once and for an hour. Ask for a new one.' });

/** express-session's callbacks as promises. */
function done(work: (callback: (error: unknown) => void) => void): Promise<void> {
	return new Promise((resolve, reject) => {
		work((error) => {
			if (error === undefined || error === null) resolve();
			else reject(error instanceof Error ? error : new Error('the session could not be written', { cause: error }));
		});
	});
}

/** What somebody signs in with: `password` is what was stored of it (null: none) when that was looked at. */
interface SignedBy {
	kind: 'web' | 'display';
	password: string | null;
	/** If that holds no longer. */
	refused: () => Problem;
}

/**
 * A session of a new id, so that one that was planted before means nothing. A new password, or a disabling, that came
 * meanwhile ends the sessions that it finds; one that was under way it did not find, so this looks again when it is there.
 */
async function begin(ctx: Context, person: Person, { kind, password, refused }: SignedBy): Promise<void> {
	const { req, app } = ctx;
	await done((callback) => req.session.regenerate(callback));
	const session = req.session;
	session.userId = person.id;
	session.kind = kind;
	session.signedInAt = Date.now();
	session.address = ctx.address;
	session.userAgent = (req.get('user-agent') ?? '').slice(0, 300);
	if (kind === 'display') session.cookie.maxAge = DISPLAY_DAYS * 86_400_000;
	await done((callback) => session.save(callback));
	const holds = await app.db
		.updateTable('omnitrack.users')
		.set({ last_login_at: new Date() })
		.where('id', '=', person.id)
		.where('disabled', '=', false)
		.where('password', 'is not distinct from', password)
		.executeTakeFirst();
	if (holds.numUpdatedRows === 1n) return;
	await end(req);
	throw refused();
}

async function end(req: Request): Promise<void> {
	await done((callback) => req.session.destroy(callback));
}

async function signedIn(ctx: Context, id: string): Promise<Person> {
	await ctx.app.directory.load();
	const person = await ctx.app.directory.person(id);
	if (person === null) throw wrong();
	return person;
}

function audited(ctx: Context, action: Deed, person: Person | null, login: string) {
	const { app, address, requestId } = ctx;
	return writeAudit(app.db, { action, user: person, address: address || null, requestId, details: { login } });
}

async function findLink(app: App, token: string) {
	const found = await app.db
		.selectFrom('omnitrack.links as l')
		.leftJoin('omnitrack.users as u', 'u.id', 'l.user_id')
		.select(['l.kind', 'l.user_id', 'u.login', 'u.disabled', 'u.password'])
		.where('l.token_hash', '=', hashToken(token))
		.where('l.used_at', 'is', null)
		.where('l.expires_at', '>', new Date(app.fleet.now()))
		.executeTakeFirst();
	if (!found || found.disabled === true) throw badLink();
	if (found.kind === 'setup' && !(await hasNoAdmin(app.db))) throw badLink();
	return found;
}

/** Uses a link up; false: somebody else has. */
async function useUp(app: App, token: string, db: Kysely<Tables> = app.db): Promise<void> {
	const used = await db
		.updateTable('omnitrack.links')
		.set({ used_at: new Date(app.fleet.now()) })
		.where('token_hash', '=', hashToken(token))
		.where('used_at', 'is', null)
		.executeTakeFirst();
	if (used.numUpdatedRows !== 1n) throw badLink();
}

/** Links that were made for somebody before end with a new password, or when the user is disabled. */
export async function voidLinks(db: Kysely<Tables>, userId: string): Promise<void> {
	await db
		.updateTable('omnitrack.links')
		.set({ used_at: new Date() })
		.where('user_id', '=', userId)
		.where('used_at', 'is', null)
		.execute();
}

/** The first administrator; of several links one alone makes one, and a link whose login is taken is not used up. */
async function makeAdmin(app: App, token: string, login: string, name: string, password: string): Promise<string> {
	return app.db.transaction().execute(async (trx) => {
		await holdAdmins(trx);
		if (!(await hasNoAdmin(trx))) throw badLink();
		await useUp(app, token, trx);
		const user = await trx
			.insertInto('omnitrack.users')
			.values({ login, name, password, password_changed_at: new Date() })
			.returning('id')
			.executeTakeFirstOrThrow();
		await trx
			.insertInto('omnitrack.roles')
			.values({ user_id: user.id, group_id: '1', role: 'admin', reads_commands: true })
			.execute();
		return user.id;
	});
}

/** A new password instead of the one of which `before` was stored; false: it is another one by now. The hash of the new one. */
export async function setPassword(
	db: Kysely<Tables>,
	userId: string,
	hash: string,
	before: string | null,
	keepSid: string | null,
): Promise<boolean> {
	const done = await db
		.updateTable('omnitrack.users')
		.set({ password: hash, password_changed_at: new Date() })
		.where('id', '=', userId)
		.where('password', 'is not distinct from', before)
		.executeTakeFirst();
	if (done.numUpdatedRows !== 1n) return false;
	await db
		.deleteFrom('omnitrack.web_sessions')
		.where('user_id', '=', userId)
		.$if(keepSid !== null, (q) => q.where('sid', '!=', keepSid ?? ''))
		.execute();
	await voidLinks(db, userId);
	return true;
}

export const sessionRoutes = [
	route({
		method: 'get',
		path: '/session',
		action: 'public',
		tag: 'session',
		summary: 'Is somebody signed in here, and is there an administrator yet',
		answer: SessionInfo,
		async handler({ app, person }) {
			return { signedIn: person !== null, setup: person === null && (await hasNoAdmin(app.db)) };
		},
	}),
	route({
		method: 'post',
		path: '/session',
		action: 'public',
		tag: 'session',
		summary: 'Sign in with login and password',
		body: SignIn,
		answer: Me,
		async handler(ctx) {
			const { app, body, address } = ctx;
			const browser = knownBrowser(ctx.req, app.directory, body.login);
			const attempt = await app.limits.take({ address, login: body.login, browser });
			const user = await app.db
				.selectFrom('omnitrack.users')
				.select(['id', 'password', 'disabled'])
				.where((eb) => eb(eb.fn<string>('lower', ['login']), '=', body.login))
				.executeTakeFirst();
			const right = await verifyPassword(body.password, user?.password ?? NOBODY, attempt.standing);
			if (!user || !right || user.disabled) {
				await audited(ctx, 'session.refused', null, body.login);
				throw wrong();
			}
			await attempt.forget();
			const person = await signedIn(ctx, user.id);
			await begin(ctx, person, { kind: 'web', password: user.password, refused: wrong });
			rememberBrowser(ctx.res, app.directory, user.id);
			await audited(ctx, 'session.begin', person, person.login);
			return describeMe(app, person, false);
		},
	}),
	route({
		method: 'delete',
		path: '/session',
		action: 'public',
		tag: 'session',
		summary: 'Sign out',
		async handler(ctx) {
			if (ctx.person !== null) await audited(ctx, 'session.end', ctx.person, ctx.person.login);
			await end(ctx.req);
			ctx.res.clearCookie('__Host-omnitrack', { path: '/', secure: true, httpOnly: true, sameSite: 'lax' });
		},
	}),
	route({
		method: 'post',
		path: '/session/link',
		action: 'public',
		tag: 'session',
		summary: 'What a one-time link is for',
		body: SetupLook,
		answer: SetupInfo,
		async handler({ app, body, address }) {
			const attempt = await app.limits.take({ address, login: null, browser: null });
			const link = await findLink(app, body.token);
			await attempt.forget();
			return { kind: link.kind, login: link.login };
		},
	}),
	route({
		method: 'post',
		path: '/session/claim',
		action: 'public',
		tag: 'session',
		summary: 'Use a one-time link: become the first administrator, set a password, or sign in',
		body: SetupClaim,
		answer: Me,
		async handler(ctx) {
			const { app, body, address } = ctx;
			const attempt = await app.limits.take({ address, login: null, browser: null });
			const link = await findLink(app, body.token);
			await attempt.forget();
			const missing = (field: string) => unfit(field, 'needed for this link');
			let id = link.user_id ?? '';
			let { password } = link;
			if (link.kind === 'setup' || link.kind === 'password') {
				if (link.kind === 'setup' && body.login === undefined) throw missing('login');
				if (body.password === undefined) throw missing('password');
				password = await hashPassword(body.password);
			}
			if (link.kind === 'setup') {
				const login = body.login ?? '';
				id = await makeAdmin(app, body.token, login, body.name ?? login, password ?? '');
			} else {
				await app.db.transaction().execute(async (trx) => {
					await useUp(app, body.token, trx);
					if (link.kind === 'password' && !(await setPassword(trx, id, password ?? '', link.password, null)))
						throw badLink();
				});
			}
			const person = await signedIn(ctx, id);
			await begin(ctx, person, { kind: link.kind === 'display' ? 'display' : 'web', password, refused: badLink });
			if (link.kind !== 'display') rememberBrowser(ctx.res, app.directory, id);
			await audited(ctx, `link.${link.kind}`, person, person.login);
			return describeMe(app, person, link.kind === 'display');
		},
	}),
];
