/**
 * Idempotency-Key: a request that is sent again gets the first answer and does nothing; the same key with another request
 * is refused. Keys are kept as user:ID:KEY, for a day; one user has so many an hour, as each keeps an answer.
 *
 * The transaction that does the work keeps the answer, so there is an answer exactly when it was done. A request that did
 * nothing, because it was refused or failed, may come again under the same key and is tried again.
 */
import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { Context } from '../http/route.ts';
import { Problem } from '../problem.ts';
import type { Tables } from '../tables.ts';

const KEEP_HOURS = 24;
/** After that a request that has left no answer is taken for dead: its process is gone, or lost the database. */
const UNDER_WAY_MS = 60_000;

/** Keeps the answer, in the transaction that does the work. */
export type Keep<T> = (trx: Transaction<Tables>, answer: T) => Promise<void>;

const underWay = () =>
	new Problem(409, 'The same request is still under way', {
		detail: 'Look what became of it before you send it again.',
	});

export function keyOf(ctx: Context): string | null {
	const key = ctx.req.get('idempotency-key');
	if (key === undefined) return null;
	if (!/^[\x21-\x7e]{1,200}$/.test(key))
		throw new Problem(400, 'The Idempotency-Key is not as it should be', {
			detail: '1 to 200 printable characters, no blanks.',
		});
	return `user:${ctx.who().id}:${key}`;
}

/** Which taking of the key it is: exact to the microsecond, as a Date is not. */
const TAKEN_AT = sql<string>`extract(epoch FROM created_at)::text`;

/** Takes the key for this request: since when it has it, or the answer that was given before. */
async function takeKey(ctx: Context, key: string): Promise<{ at: string } | { before: Record<string, unknown> }> {
	const { db } = ctx.app;
	const hash = createHash('sha256')
		.update(`${ctx.req.method} ${ctx.req.path}\n${JSON.stringify(ctx.req.body)}`)
		.digest();
	const take = () =>
		db
			.insertInto('omnitrack.idempotency_keys')
			.values({ key, request_hash: hash })
			.onConflict((c) => c.column('key').doNothing())
			.returning(TAKEN_AT.as('at'))
			.executeTakeFirst();
	const made = await take();
	if (made) return made;
	const before = await db
		.selectFrom('omnitrack.idempotency_keys')
		.selectAll()
		.where('key', '=', key)
		.executeTakeFirst();
	if (before && !before.request_hash.equals(hash))
		throw new Problem(422, 'This Idempotency-Key was used for another request', {
			detail: 'Make a new key for a new request.',
		});
	if (before?.response) return { before: before.response };
	await db
		.deleteFrom('omnitrack.idempotency_keys')
		.where('key', '=', key)
		.where('response', 'is', null)
		.where('created_at', '<', new Date(Date.now() - UNDER_WAY_MS))
		.execute();
	const again = await take();
	if (!again) throw underWay();
	return again;
}

/** Does the work once for the key; what it does not keep by `keep` was not done. */
export async function once<T extends Record<string, unknown>>(
	ctx: Context,
	key: string | null,
	work: (keep: Keep<T>) => Promise<T>,
): Promise<T> {
	if (key === null) return work(() => Promise.resolve());
	await ctx.app.requests.takeKey(ctx.who().id);
	const taken = await takeKey(ctx, key);
	if ('before' in taken) return taken.before as T;
	const { at } = taken;
	const keep: Keep<T> = async (trx, answer) => {
		const kept = await trx
			.updateTable('omnitrack.idempotency_keys')
			.set({ status: 200, response: JSON.stringify(answer) })
			.where('key', '=', key)
			.where(TAKEN_AT, '=', at)
			.where('response', 'is', null)
			.executeTakeFirst();
		// Another request took it for dead and has the key now: that one does the work.
		if (kept.numUpdatedRows !== 1n) throw underWay();
	};
	try {
		return await work(keep);
	} finally {
		await letGo(ctx, key, at);
	}
}

/** Frees the key if its work was not done, and those that are too old. It must not turn what was done into a failure. */
async function letGo(ctx: Context, key: string, at: string): Promise<void> {
	const { db, log } = ctx.app;
	const free = db
		.deleteFrom('omnitrack.idempotency_keys')
		.where((e) =>
			e.or([
				e.and([e('key', '=', key), e(TAKEN_AT, '=', at), e('response', 'is', null)]),
				e('created_at', '<', new Date(Date.now() - KEEP_HOURS * 3_600_000)),
			]),
		)
		.execute();
	await free.catch((error: unknown) => log.warn({ err: error }, 'an Idempotency-Key was not freed'));
}
