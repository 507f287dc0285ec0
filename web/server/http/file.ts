/** Answers with a file that is written while it is sent, as fast as the client takes it: a few at a time, and each is audited. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Turns } from '../history/turns.ts';
import type { Context } from './route.ts';

/** Whoever takes nothing for so long has gone. */
const PATIENCE_MS = 60_000;

/** Ends a response that nobody reads. */
async function* watched(chunks: AsyncIterable<Buffer>, giveUp: () => void): AsyncGenerator<Buffer> {
	for await (const chunk of chunks) {
		if (chunk.length === 0) continue;
		const timer = setTimeout(giveUp, PATIENCE_MS);
		try {
			yield chunk;
		} finally {
			clearTimeout(timer);
		}
	}
}

export interface SentFile {
	name: string;
	type: string;
	turns: Turns;
	/** For the audit log. */
	object?: { kind: string; id: string } | undefined;
	details: Record<string, unknown>;
	chunks: AsyncIterable<Buffer>;
}

/** The rights to what it holds have been looked at. A failure after the first bytes breaks the transfer off. */
export async function sendFile(ctx: Context, file: SentFile): Promise<void> {
	// Who asks for the head alone takes nothing with them.
	if (ctx.req.method === 'HEAD') {
		headed(ctx, file).end();
		return;
	}
	await file.turns.take(async () => {
		if (ctx.res.destroyed) return;
		await ctx.app.db.transaction().execute((trx) => ctx.audit(trx, 'export', file.object, file.details));
		headed(ctx, file);
		await pass(ctx, file.chunks);
	});
}

function headed({ res }: Context, { name, type }: SentFile): Context['res'] {
	return res.status(200).type(type).set('content-disposition', `attachment; filename="${name}"`);
}

async function pass({ app, res, requestId }: Context, chunks: AsyncIterable<Buffer>): Promise<void> {
	const source = Readable.from(
		watched(chunks, () => res.destroy()),
		{ objectMode: true, highWaterMark: 1 },
	);
	try {
		await pipeline(source, res);
	} catch (error) {
		// The client sees by the missing end that something is missing.
		app.log.info({ err: error, requestId }, 'an export was broken off');
		res.destroy();
	}
}
