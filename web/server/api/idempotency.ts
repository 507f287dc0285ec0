/**
 * Idempotency-Key: a request that is sent again gets the first answer and does nothing; the same key with another request
 * is refused. Keys are kept as user:ID:KEY.
 */
import { createHash } from 'node:crypto';
import type { Context } from '../http/route.ts';
import { Problem } from '../problem.ts';

const KEEP_DAYS = 7;

export function keyOf(ctx: Context): string | null {
	const key = ctx.req.get('idempotency-key');
	if (key === undefined) return null;
	if (!/^[\x21-\x7e]{1,200}$/.test(key))
		throw new Problem(400, 'The Idempotency-Key is not as it should be', {
			detail: '1 to 200 printable characters, no blanks.',
		});
	return `user:${ctx.who().id}:${key}`;
}

export async function once<T extends Record<string, unknown>>(
	ctx: Context,
	key: string | null,
	work: () => Promise<T>,
): Promise<T> {
	if (key === null) return work();
	const { db } = ctx.app;
	const hash = createHash('sha256')
		.update(`${ctx.req.method} ${ctx.req.path}\n${JSON.stringify(ctx.req.body)}`)
		.digest();
	const made = await db
		.insertInto('omnitrack.idempotency_keys')
		.values({ key, request_hash: hash })
		.onConflict((c) => c.column('key').doNothing())
		.executeTakeFirst();
	if (made.numInsertedOrUpdatedRows !== 1n) {
		const before = await db
			.selectFrom('omnitrack.idempotency_keys')
			.selectAll()
			.where('key', '=', key)
			.executeTakeFirst();
		if (before && !before.request_hash.equals(hash))
			throw new Problem(422, 'This Idempotency-Key was used for another request', {
				detail: 'Make a new key for a new request.',
			});
		if (!before?.response)
			throw new Problem(409, 'The same request is still under way', {
				detail: 'Look what became of it before you send it again.',
			});
		return before.response as T;
	}
	try {
		const answer = await work();
		await db
			.updateTable('omnitrack.idempotency_keys')
			.set({ status: 200, response: JSON.stringify(answer) })
			.where('key', '=', key)
			.execute();
		return answer;
	} catch (error) {
		// What was refused was not done, and may be corrected under the same key.
		if (error instanceof Problem && error.status < 500)
			await db.deleteFrom('omnitrack.idempotency_keys').where('key', '=', key).execute();
		throw error;
	} finally {
		await db
			.deleteFrom('omnitrack.idempotency_keys')
			.where('created_at', '<', new Date(Date.now() - KEEP_DAYS * 86_400_000))
			.execute();
	}
}
