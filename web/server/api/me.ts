/** me: the signed-in user: name, settings, password, own sessions. */
import { z } from 'zod';
import { highestRole, isAdmin } from '../../shared/permissions.ts';
import { Id, Me, MePatch, OwnSession, page, PasswordChange, Settings } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import type { Person } from '../directory.ts';
import { route } from '../http/route.ts';
import { hashPassword, verifyPassword } from '../passwords.ts';
import { notFound, unfit } from '../problem.ts';
import { hashedSid } from '../sessions.ts';
import { iso } from './lists.ts';
import { setPassword } from './session.ts';

/** What was stored by another version, or by hand, is left out. */
function settingsOf(raw: Record<string, unknown>): z.infer<typeof Settings> {
	const known = Object.fromEntries(Object.entries(raw).filter(([name]) => name in Settings.shape));
	const parsed = Settings.safeParse(known);
	return parsed.success ? parsed.data : {};
}

/** What is null is taken back. */
function merged(before: Record<string, unknown>, change: Record<string, unknown>): Record<string, unknown> {
	const zone = change['timeZone'];
	if (typeof zone === 'string' && !isTimeZone(zone))
		throw unfit('settings.timeZone', 'not a time zone that is known here');
	return Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value !== null));
}

function isTimeZone(name: string): boolean {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
	} catch {
		return false;
	}
}

/** On a wall display, as what it may do there: see mayDisplay(). */
export function describeMe(app: App, person: Person, display: boolean): z.input<typeof Me> {
	const highest = highestRole(person);
	return {
		id: person.id,
		login: person.login,
		name: person.name,
		locale: person.locale,
		settings: settingsOf(person.settings),
		roles: [...person.roles].map(([group, role]) => ({
			group,
			role: display ? 'viewer' : role,
			readsCommands: !display && person.readsCommands.has(group),
		})),
		highest: display && highest !== null ? 'viewer' : highest,
		admin: !display && isAdmin(person),
		display,
		version: app.version,
	};
}

const SessionData = z.object({ address: z.string().optional(), userAgent: z.string().optional() });

export const meRoutes = [
	route({
		method: 'get',
		path: '/me',
		action: 'self',
		tag: 'me',
		summary: 'Who is signed in, with rights and settings',
		answer: Me,
		handler: ({ app, who, display }) => describeMe(app, who(), display),
	}),
	route({
		method: 'patch',
		path: '/me',
		action: 'self',
		tag: 'me',
		summary: 'Change name, language, settings',
		body: MePatch,
		answer: Me,
		async handler({ app, body, who, display }) {
			const me = who();
			const { settings, ...rest } = body;
			const set = {
				...(rest.name === undefined ? {} : { name: rest.name }),
				...(rest.locale === undefined ? {} : { locale: rest.locale }),
				...(settings === undefined ? {} : { settings: JSON.stringify(merged(me.settings, settings)) }),
			};
			if (Object.keys(set).length > 0) {
				await app.db.updateTable('omnitrack.users').set(set).where('id', '=', me.id).execute();
				await app.directory.reload();
			}
			return describeMe(app, (await app.directory.person(me.id)) ?? me, display);
		},
	}),
	route({
		method: 'post',
		path: '/me/password',
		action: 'self',
		tag: 'me',
		summary: "Change one's password; all other sessions end",
		body: PasswordChange,
		async handler(ctx) {
			const { app, body, req, address } = ctx;
			const me = ctx.who();
			// Who is signed in is no stranger, and is counted for themselves.
			const attempt = await app.limits.take({ address, login: me.login, browser: `me:${me.id}` });
			const user = await app.db
				.selectFrom('omnitrack.users')
				.select('password')
				.where('id', '=', me.id)
				.executeTakeFirstOrThrow();
			const right = user.password !== null && (await verifyPassword(body.current, user.password, attempt.standing));
			if (!right) throw unfit('current', 'not the present password');
			await attempt.forget();
			const hash = await hashPassword(body.password);
			await app.db.transaction().execute(async (trx) => {
				if (!(await setPassword(trx, me.id, hash, user.password, hashedSid(req.sessionID))))
					throw unfit('current', 'not the present password any more');
				await ctx.audit(trx, 'me.password');
			});
		},
	}),
	route({
		method: 'get',
		path: '/me/sessions',
		action: 'self',
		tag: 'me',
		summary: 'Where one is signed in',
		answer: page(OwnSession),
		async handler({ app, req, who }) {
			const rows = await app.db
				.selectFrom('omnitrack.web_sessions')
				.select(['id', 'sid', 'kind', 'sess', 'created_at', 'seen_at', 'expire'])
				.where('user_id', '=', who().id)
				.where('expire', '>', new Date(app.fleet.now()))
				.orderBy('seen_at', 'desc')
				.limit(200)
				.execute();
			const own = req.session.userId === undefined ? '' : hashedSid(req.sessionID);
			const items = rows.map((r) => {
				const data = SessionData.safeParse(r.sess).data;
				return {
					id: r.id,
					kind: r.kind,
					createdAt: iso(r.created_at),
					seenAt: iso(r.seen_at),
					expiresAt: iso(r.expire),
					address: data?.address ?? null,
					userAgent: data?.userAgent ?? null,
					current: r.sid === own,
				};
			});
			return { items, next: null };
		},
	}),
	route({
		method: 'delete',
		path: '/me/sessions/:session',
		action: 'self',
		tag: 'me',
		summary: "End one of one's sessions",
		params: z.object({ session: Id }),
		async handler(ctx) {
			await ctx.app.db.transaction().execute(async (trx) => {
				const gone = await trx
					.deleteFrom('omnitrack.web_sessions')
					.where('id', '=', ctx.params.session)
					.where('user_id', '=', ctx.who().id)
					.executeTakeFirst();
				if (gone.numDeletedRows === 0n) throw notFound('There is no such session');
				await ctx.audit(trx, 'me.session.end', { kind: 'session', id: ctx.params.session });
			});
		},
	}),
];
