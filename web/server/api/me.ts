/** me: the signed-in user: name, settings, password, own sessions. */
import { z } from 'zod';
import { highestRole, isAdmin } from '../../shared/permissions.ts';
import { Id, Me, MePatch, OwnSession, page, PasswordChange, Settings } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import type { Person } from '../directory.ts';
import { route } from '../http/route.ts';
import { verifyPassword } from '../passwords.ts';
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

export function describeMe(app: App, person: Person): z.input<typeof Me> {
	return {
		id: person.id,
		login: person.login,
		name: person.name,
		locale: person.locale,
		settings: settingsOf(person.settings),
		roles: [...person.roles].map(([group, role]) => ({ group, role, readsCommands: person.readsCommands.has(group) })),
		highest: highestRole(person),
		admin: isAdmin(person),
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
		handler: ({ app, who }) => describeMe(app, who()),
	}),
	route({
		method: 'patch',
		path: '/me',
		action: 'self',
		tag: 'me',
		summary: 'Change name, language, settings',
		body: MePatch,
		answer: Me,
		async handler({ app, body, who }) {
			const me = who();
			const { settings, ...rest } = body;
			const set = {
				...(rest.name === undefined ? {} : { name: rest.name }),
				...(rest.locale === undefined ? {} : { locale: rest.locale }),
				...(settings === undefined ? {} : { settings: JSON.stringify({ ...me.settings, ...settings }) }),
			};
			if (Object.keys(set).length > 0) {
				await app.db.updateTable('omnitrack.users').set(set).where('id', '=', me.id).execute();
				await app.directory.reload();
			}
			return describeMe(app, (await app.directory.person(me.id)) ?? me);
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
			await app.limits.take(address, me.login);
			const user = await app.db
				.selectFrom('omnitrack.users')
				.select('password')
				.where('id', '=', me.id)
				.executeTakeFirstOrThrow();
			if (user.password === null || !(await verifyPassword(body.current, user.password)))
				throw unfit('current', 'not the present password');
			await app.limits.forget(address, me.login);
			await setPassword(app, me.id, body.password, hashedSid(req.sessionID));
			await ctx.audit('me.password');
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
			const gone = await ctx.app.db
				.deleteFrom('omnitrack.web_sessions')
				.where('id', '=', ctx.params.session)
				.where('user_id', '=', ctx.who().id)
				.executeTakeFirst();
			if (gone.numDeletedRows === 0n) throw notFound('There is no such session');
			await ctx.audit('me.session.end', { kind: 'session', id: ctx.params.session });
		},
	}),
];
