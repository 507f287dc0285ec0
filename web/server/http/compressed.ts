/**
 * Sends what the build has compressed already (build/first_load.ts) to whoever takes gzip: FILE.gz under the name and type of
 * FILE. The names are read once; nothing is compressed for a request.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestHandler } from 'express';

const SUFFIX = '.gz';

export function compressed(dir: string): RequestHandler {
	const assets = join(dir, 'assets');
	const names = new Set(
		(existsSync(assets) ? readdirSync(assets) : [])
			.filter((name) => name.endsWith(SUFFIX))
			.map((name) => `/assets/${name.slice(0, -SUFFIX.length)}`),
	);
	return (req, res, next) => {
		if ((req.method !== 'GET' && req.method !== 'HEAD') || !names.has(req.path)) return next();
		res.vary('accept-encoding');
		if (req.acceptsEncodings('gzip') === false) return next();
		res.type(req.path.slice(req.path.lastIndexOf('.')));
		res.set('content-encoding', 'gzip');
		req.url = req.path + SUFFIX;
		next();
	};
}
