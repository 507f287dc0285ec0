/** users: who may sign in, with which roles; one-time links for passwords and displays. */
import type { Kysely, Selectable, Transaction } from 'kysely';
import { z } from 'zod';
import { Id, OneTimeLink, page, PageQuery, User, UserCreate, UserPatch } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { hasNoAdmin, holdAdmins } from '../directory.ts';
import { ifMatch } from '../http/headers.ts';
import { route, type Context } from '../http/route.ts';
import { hashPassword, newToken } from '../passwords.ts';
import { notFound, Problem, unfit } from '../problem.ts';
import type { Tables } from '../tables.ts';
import { iso, pageById, violated } from './lists.ts';
import { voidLinks } from './session.ts';

type Db = Kysely<Tables> | Transaction<Tables>;
type Roles = z.output<typeof UserCreate>['roles'];
type Row = Selectable<Tables['omnitrack.users']>;
const OneUser = z.object({ user: Id });
const LINK_MS = 3_600_000;

async function view(db: Db, rows: Row[]): Promise<z.input<typeof User>[]> {
	const ids = rows.map((r) => r.id);
	const given =
		ids.length === 0 ? [] : await db.selectFrom('omnitrack.roles').selectAll().where('user_id', 'in', ids).execute();
	return rows.map((r) => ({
		id: r.id,
		login: r.login,
		name: r.name,
		disabled: r.disabled,
		locale: r.locale,
		roles: given
			.filter((g) => g.user_id === r.id)
			.map((g) => ({ group: g.group_id, role: g.role, readsCommands: g.reads_commands })),
		createdAt: iso(r.created_at),
		hasPassword: r.password !== null,
	}));
}

async function one(db: Db, id: string): Promise<z.input<typeof User>> {
	const row = await db.selectFrom('omnitrack.users').selectAll().where('id', '=', id).executeTakeFirst();
	const [user] = row ? await view(db, [row]) : [];
	if (!user) throw notFound('There is no such user');
	return user;
}

async function putRoles(db: Db, user: string, roles: Roles): Promise<void> {
	await db.deleteFrom('omnitrack.roles').where('user_id', '=', user).execute();
	if (roles.length > 0)
		await db
			.insertInto('omnitrack.roles')
			.values(roles.map((r) => ({ user_id: user, group_id: r.group, role: r.role, reads_commands: r.readsCommands })))
			.execute();
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		const which = violated(error);
		if (which === 'users_login_key')
			throw new Problem(409, 'There is a user of this login', {
				detail: 'Choose another login, or change the user that is there.',
				errors: [{ field: 'login', message: 'taken' }],
			});
		if (which?.startsWith('roles_group') === true) throw unfit('roles', 'there is no such group');
		throw error;
	}
}

/** Nobody may lock everybody out. */
async function keepAnAdmin(db: Db): Promise<void> {
	await holdAdmins(db);
	if (await hasNoAdmin(db))
		throw new Problem(409, 'This is the last administrator', { detail: 'Make another one first.' });
}

async function makeLink(
	app: App,
	ctx: Context<{ user: string }>,
	kind: 'password' | 'display',
): Promise<z.input<typeof OneTimeLink>> {
	const user = await one(app.db, ctx.params.user);
	if (user.disabled) throw new Problem(409, 'The user is disabled', { detail: 'Enable the user first.' });
	const { token, hash } = newToken();
	const expires = new Date(app.fleet.now() + LINK_MS);
	await app.db.transaction().execute(async (trx) => {
		await trx
			.insertInto('omnitrack.links')
			.values({ token_hash: hash, kind, user_id: user.id, created_by: ctx.who().id, expires_at: expires })
			.execute();
		await ctx.audit(trx, `user.link.${kind}`, { kind: 'user', id: user.id });
	});
	// In the fragment, which no server and no log gets to see.
	return { path: `/setup#${token}`, expiresAt: iso(expires) };
}

export const userRoutes = [
	route({
		method: 'get',
		path: '/users',
		action: 'users.list',
		tag: 'users',
		summary: 'All users',
		query: PageQuery,
		answer: page(User),
		async handler({ app, query }) {
			const after = query.cursor ?? null;
			const rows = await app.db
				.selectFrom('omnitrack.users')
				.selectAll()
				.$if(after !== null, (q) => q.where('id', '>', after ?? ''))
				.orderBy('id')
				.limit(query.limit + 1)
				.execute();
			const { items, next } = pageById(rows, query.limit);
			return { items: await view(app.db, items), next };
		},
	}),
	route({
		method: 'post',
		path: '/users',
		action: 'users.edit',
		tag: 'users',
		summary: 'Make a user',
		body: UserCreate,
		answer: User,
		status: 201,
		async handler(ctx) {
			const { app, body } = ctx;
			const password = body.password === undefined ? null : await hashPassword(body.password);
			const id = await guarded(() =>
				app.db.transaction().execute(async (trx) => {
					const made = await trx
						.insertInto('omnitrack.users')
						.values({
							login: body.login,
							name: body.name,
							password,
							password_changed_at: password === null ? null : new Date(),
						})
						.returning('id')
						.executeTakeFirstOrThrow();
					await putRoles(trx, made.id, body.roles);
					await ctx.audit(trx, 'user.create', { kind: 'user', id: made.id }, { login: body.login, roles: body.roles });
					return made.id;
				}),
			);
			await app.directory.reload({ kind: 'user', ids: [id] });
			const user = await one(app.db, id);
			ctx.tag(user);
			return user;
		},
	}),
	route({
		method: 'get',
		path: '/users/:user',
		action: 'users.list',
		tag: 'users',
		summary: 'One user',
		params: OneUser,
		answer: User,
		async handler({ app, params, tag }) {
			const user = await one(app.db, params.user);
			tag(user);
			return user;
		},
	}),
	route({
		method: 'patch',
		path: '/users/:user',
		action: 'users.edit',
		tag: 'users',
		summary: 'Change name, roles, password; disable',
		params: OneUser,
		body: UserPatch,
		headers: ifMatch,
		answer: User,
		async handler(ctx) {
			const { app, body, params } = ctx;
			const hash = body.password === undefined ? undefined : await hashPassword(body.password);
			const set = {
				...(body.name === undefined ? {} : { name: body.name }),
				...(body.disabled === undefined ? {} : { disabled: body.disabled }),
				...(hash === undefined ? {} : { password: hash, password_changed_at: new Date() }),
			};
			const { password, ...rest } = body;
			const told = { ...rest, ...(password === undefined ? {} : { password: 'changed' }) };
			await guarded(() =>
				app.db.transaction().execute(async (trx) => {
					await trx.selectFrom('omnitrack.users').select('id').where('id', '=', params.user).forUpdate().execute();
					ctx.ifMatch(await one(trx, params.user));
					if (Object.keys(set).length > 0)
						await trx.updateTable('omnitrack.users').set(set).where('id', '=', params.user).execute();
					if (body.roles !== undefined) await putRoles(trx, params.user, body.roles);
					// A disabled user, or one with a new password, is signed in nowhere.
					if (body.disabled === true || hash !== undefined) {
						await trx.deleteFrom('omnitrack.web_sessions').where('user_id', '=', params.user).execute();
						await voidLinks(trx, params.user);
					}
					await keepAnAdmin(trx);
					await ctx.audit(trx, 'user.update', { kind: 'user', id: params.user }, told);
				}),
			);
			await app.directory.reload({ kind: 'user', ids: [params.user] });
			const user = await one(app.db, params.user);
			ctx.tag(user);
			return user;
		},
	}),
	route({
		method: 'delete',
		path: '/users/:user',
		action: 'users.edit',
		tag: 'users',
		summary: 'Delete a user; what they did stays in the audit log',
		params: OneUser,
		async handler(ctx) {
			const { app, params } = ctx;
			const user = await one(app.db, params.user);
			await app.db.transaction().execute(async (trx) => {
				await trx.deleteFrom('omnitrack.users').where('id', '=', user.id).execute();
				await keepAnAdmin(trx);
				await ctx.audit(trx, 'user.delete', { kind: 'user', id: user.id }, { login: user.login });
			});
			await app.directory.reload({ kind: 'user', ids: [user.id] });
		},
	}),
	route({
		method: 'post',
		path: '/users/:user/password-link',
		action: 'users.edit',
		tag: 'users',
		summary: 'A one-time link with which the user sets a new password',
		params: OneUser,
		answer: OneTimeLink,
		status: 201,
		handler: (ctx) => makeLink(ctx.app, ctx, 'password'),
	}),
	route({
		method: 'post',
		path: '/users/:user/display-link',
		action: 'users.edit',
		tag: 'users',
		summary: 'A one-time link that signs in a wall display, which only shows',
		params: OneUser,
		answer: OneTimeLink,
		status: 201,
		handler: (ctx) => makeLink(ctx.app, ctx, 'display'),
	}),
];
