/**
 * The street map of this installation, a file of which pages take by ranges what they show. It may be many gigabytes, and
 * may be replaced while it is served: its tag tells pages that what they have is of another file.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { RequestHandler } from 'express';
import { notFound, notSignedIn, Problem } from '../problem.ts';

export function mapFile(path: string): RequestHandler {
	const root = dirname(path);
	const name = basename(path);
	return async (req, res, next) => {
		if (req.session.userId === undefined) throw notSignedIn();
		const file = await stat(path).catch(() => null);
		if (file === null) throw notFound('The file of the map is not there any more');
		// Several at once would bring the whole file: parts in one answer are nothing that a map asks for.
		if (req.headers.range?.includes(',') === true)
			throw new Problem(416, 'One range at a time', {
				detail: 'Ask for each part of the file by itself.',
				headers: { 'content-range': `bytes */${file.size}` },
			});
		res.set('etag', `"${[file.ino, file.size, Math.trunc(file.mtimeMs * 1000)].map((n) => n.toString(36)).join('-')}"`);
		// By root and name: the folders above it may have any names.
		const headers = { 'cache-control': 'private, max-age=3600', 'content-type': 'application/octet-stream' };
		res.sendFile(name, { root, dotfiles: 'allow', headers }, (error?: Error) => {
			if (error) next(error);
		});
	};
}
