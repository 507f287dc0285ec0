/** tokens: for programs. A token may what its user may, within its scopes, until it ends; it is shown once. */
import type { Selectable } from 'kysely';
import { z } from 'zod';
import { NewToken, scopes, Token, TokenCreate, TokenQuery } from '../../shared/operations.ts';
import { Id, page } from '../../shared/schemas.ts';
import { route, type Context } from '../http/route.ts';
import { newToken } from '../passwords.ts';
import { notFound, Problem } from '../problem.ts';
import type { Tables } from '../tables.ts';
import { iso, isoOrNull, pageById } from './lists.ts';

const MOST = 50;

type Row = Selectable<Tables['omnitrack.api_tokens']>;

const view = (row: Row): z.input<typeof Token> => ({
	id: row.id,
	user: row.user_id,
	name: row.name,
	scopes: scopes.filter((s) => row.scopes.includes(s)),
	createdAt: iso(row.created_at),
	expiresAt: iso(row.expires_at),
	lastUsedAt: isoOrNull(row.last_used_at),
});

/** A token that could make others would never end. */
function bySessionAlone(ctx: Context): void {
	if (ctx.byToken)
		throw new Problem(403, 'Tokens are made and revoked by people', { detail: 'Sign in, and do it in your account.' });
}

/** One's own, or for an administrator anybody's. */
function mayTouch(ctx: Context, user: string): boolean {
	return user === ctx.who().id || ctx.may('users.edit');
}

export const tokenRoutes = [
	route({
		method: 'get',
		path: '/tokens',
		action: 'self',
		tag: 'tokens',
		summary: "One's API tokens, without their secrets",
		query: TokenQuery,
		answer: page(Token),
		async handler(ctx) {
			const { app, query, who } = ctx;
			const user = query.user ?? who().id;
			if (!mayTouch(ctx, user)) ctx.must('users.edit');
			const after = query.cursor ?? null;
			const rows = await app.db
				.selectFrom('omnitrack.api_tokens')
				.selectAll()
				.where('user_id', '=', user)
				.$if(after !== null, (q) => q.where('id', '>', after ?? ''))
				.orderBy('id')
				.limit(query.limit + 1)
				.execute();
			const { items, next } = pageById(rows, query.limit);
			return { items: items.map(view), next };
		},
	}),
	route({
		method: 'post',
		path: '/tokens',
		action: 'self',
		tag: 'tokens',
		summary: 'Make an API token; its secret is in this answer and nowhere else',
		body: TokenCreate,
		answer: NewToken,
		status: 201,
		async handler(ctx) {
			bySessionAlone(ctx);
			const { app, body } = ctx;
			const user = ctx.who().id;
			const { token, hash } = newToken();
			return app.db.transaction().execute(async (trx) => {
				// One at a time, so that two can't both be the last that has room.
				await trx.selectFrom('omnitrack.users').select('id').where('id', '=', user).forUpdate().execute();
				const now = new Date(app.fleet.now());
				await trx
					.deleteFrom('omnitrack.api_tokens')
					.where('user_id', '=', user)
					.where('expires_at', '<', now)
					.execute();
				const { many } = await trx
					.selectFrom('omnitrack.api_tokens')
					.select((eb) => eb.fn.countAll<string>().as('many'))
					.where('user_id', '=', user)
					.executeTakeFirstOrThrow();
				if (Number(many) >= MOST)
					throw new Problem(409, `There are ${MOST} tokens already`, { detail: 'Revoke one that is not used.' });
				const row = await trx
					.insertInto('omnitrack.api_tokens')
					.values({
						user_id: user,
						name: body.name,
						token_hash: hash,
						scopes: [...new Set(body.scopes)],
						expires_at: new Date(now.getTime() + body.expiresInDays * 86_400_000),
					})
					.returningAll()
					.executeTakeFirstOrThrow();
				const { name, scopes: given, expiresAt } = view(row);
				await ctx.audit(trx, 'token.create', { kind: 'token', id: row.id }, { name, scopes: given, expiresAt });
				return { ...view(row), token };
			});
		},
	}),
	route({
		method: 'delete',
		path: '/tokens/:token',
		action: 'self',
		tag: 'tokens',
		summary: 'Revoke an API token, at once',
		params: z.object({ token: Id }),
		async handler(ctx) {
			bySessionAlone(ctx);
			await ctx.app.db.transaction().execute(async (trx) => {
				const row = await trx
					.deleteFrom('omnitrack.api_tokens')
					.where('id', '=', ctx.params.token)
					.$if(!ctx.may('users.edit'), (q) => q.where('user_id', '=', ctx.who().id))
					.returningAll()
					.executeTakeFirst();
				if (!row) throw notFound('There is no such token');
				await ctx.audit(trx, 'token.revoke', { kind: 'token', id: row.id }, { name: row.name, user: row.user_id });
			});
		},
	}),
];
