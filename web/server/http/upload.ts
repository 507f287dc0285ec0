/**
 * Takes a file that somebody sends: so many bytes at most, not slower than a slow line is, and of a few senders at a time, as each is
 * held in memory until its work is done.
 */
import type { Request } from 'express';
import { Problem } from '../problem.ts';

const MOST = 8;
/** A page that has broken one off sends the next before that is noticed. */
const MOST_OF_ONE = 2;
/** What comes in the first seconds may be slow; after that, so much a millisecond. */
const START_MS = 10_000;
const BYTES_A_MS = 50;

/** By id of the user: of those whose file is here, or on its way. */
const senders = new Map<string, number>();

const tooLarge = (most: number) =>
	new Problem(413, 'The file is too large', { detail: `At most ${most / 1e6} MB: send it in parts.` });

/** The next piece, if it comes within so many milliseconds; null: there is none. */
async function next(pieces: AsyncIterator<Buffer, undefined>, ms: number): Promise<Buffer | null> {
	const coming = pieces.next();
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => {
			reject(
				new Problem(408, 'The file comes too slowly', {
					detail: 'Try again on a faster line, or send it in parts.',
					headers: { connection: 'close' },
				}),
			);
		}, ms);
	});
	try {
		const piece = await Promise.race([coming, late]);
		return piece.done === true ? null : piece.value;
	} finally {
		clearTimeout(timer);
		// Of what is waited for no more, nobody hears.
		coming.catch(() => undefined);
	}
}

async function take(req: Request, most: number): Promise<Buffer[]> {
	if (Number(req.get('content-length') ?? 0) > most) throw tooLarge(most);
	const until = performance.now() + START_MS;
	// What is wrong is answered on the same connection, so it stays open.
	const coming = (req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer, undefined>)[Symbol.asyncIterator]();
	const pieces: Buffer[] = [];
	let bytes = 0;
	try {
		for (;;) {
			const piece = await next(coming, until + bytes / BYTES_A_MS - performance.now());
			if (piece === null) return pieces;
			bytes += piece.length;
			if (bytes > most) throw tooLarge(most);
			pieces.push(piece);
		}
	} catch (error) {
		if (error instanceof Problem) throw error;
		throw new Problem(400, 'The file did not come whole', { detail: 'Send it again.' });
	} finally {
		void coming.return?.().catch(() => undefined);
	}
}

/** Does the work with the file, in pieces as they came. */
export async function withUpload<T>(
	req: Request,
	sender: string,
	most: number,
	work: (pieces: Buffer[]) => Promise<T>,
): Promise<T> {
	const own = senders.get(sender) ?? 0;
	const all = [...senders.values()].reduce((sum, n) => sum + n, 0);
	if (all >= MOST || own >= MOST_OF_ONE)
		throw new Problem(503, 'Other files are being taken', {
			detail: 'Try again in a moment.',
			headers: { 'retry-after': '3' },
		});
	senders.set(sender, own + 1);
	try {
		return await work(await take(req, most));
	} finally {
		const left = (senders.get(sender) ?? 1) - 1;
		if (left > 0) senders.set(sender, left);
		else senders.delete(sender);
	}
}
