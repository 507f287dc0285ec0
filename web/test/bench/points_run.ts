/**
 * Main thread's CPU for 20,000 points that move, by our layer and by GeoJSON, in a real Chromium: node points_run.ts UPDATES.
 * Prints JSON. bench/run calls it.
 */
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { launch } from '../e2e/chromium.ts';
import type {} from './points.ts';

const require = createRequire(import.meta.url);
const updates = Number(process.argv[2] ?? '20');
const HOWS = ['layer', 'geojson'] as const;
type How = (typeof HOWS)[number];

const bundle = await build({
	entryPoints: [new URL('points.ts', import.meta.url).pathname],
	bundle: true,
	minify: true,
	write: false,
	format: 'esm',
	target: 'es2023',
});
const files = new Map<string, { type: string; body: string | Uint8Array }>([
	[
		'/',
		{
			type: 'text/html',
			body: '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/map.css"><div id="map" style="width:1440px;height:900px"></div><script type="module" src="/points.js"></script>',
		},
	],
	['/points.js', { type: 'text/javascript', body: bundle.outputFiles[0]?.contents ?? '' }],
	[
		'/worker.mjs',
		{ type: 'text/javascript', body: readFileSync(require.resolve('maplibre-gl/dist/maplibre-gl-worker.mjs')) },
	],
	['/map.css', { type: 'text/css', body: readFileSync(require.resolve('maplibre-gl/dist/maplibre-gl.css')) }],
]);
const server = createServer((req, res) => {
	const file = files.get(req.url ?? '');
	res.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? 'text/plain' }).end(file?.body);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

const browser = await launch();
try {
	// Few pixels: filling them is the graphics processor's work, which is this processor's here, and not what is measured.
	const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, deviceScaleFactor: 0.25 });
	page.on('pageerror', (error) => process.stderr.write(`${error.message}\n`));
	await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
	await page.waitForFunction(() => window.bench.ready);
	const devtools = await page.context().newCDPSession(page);
	// By the thread's own clock: what others do on this processor isn't in it.
	await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
	const used = async () => {
		const { metrics } = await devtools.send('Performance.getMetrics');
		return (metrics.find((m) => m.name === 'TaskDuration')?.value ?? NaN) * 1000;
	};
	const run = (how: How, times: number) =>
		page.evaluate(({ how: h, times: n }) => window.bench.run(h, n), { how, times });
	const found: Record<How, { ms: number[]; longest: number }> = {
		layer: { ms: [], longest: 0 },
		geojson: { ms: [], longest: 0 },
	};
	for (let round = 0; round < 5; round++)
		for (const how of HOWS) {
			await run(how, 3);
			await page.evaluate(() => window.bench.longest());
			const before = await used();
			await run(how, updates);
			found[how].ms.push(((await used()) - before) / updates);
			found[how].longest = Math.max(found[how].longest, await page.evaluate(() => window.bench.longest()));
		}
	const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
	const drawn = await page.evaluate(() => window.bench.drawn);
	process.stdout.write(
		`${JSON.stringify({
			layer_ms: median(found.layer.ms),
			geojson_ms: median(found.geojson.ms),
			layer_longest_ms: found.layer.longest,
			geojson_longest_ms: found.geojson.longest,
			drawn,
		})}\n`,
	);
} finally {
	await browser.close();
	server.close();
}
