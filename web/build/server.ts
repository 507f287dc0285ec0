/**
 * Bundles the server into one file: node build/server.ts OUTDIR VERSION. What is in there needs no node_modules.
 */
import { build } from 'esbuild';
import { join } from 'node:path';
import { notePackages } from './notices.ts';

const [out, version] = process.argv.slice(2);
if (out === undefined || version === undefined) throw new Error('usage: node build/server.ts OUTDIR VERSION');

const { metafile } = await build({
	entryPoints: [new URL('../server.ts', import.meta.url).pathname],
	outfile: `${out}/server.mjs`,
	bundle: true,
	platform: 'node',
	format: 'esm',
	target: 'node24',
	sourcemap: 'linked',
	sourcesContent: false,
	legalComments: 'linked',
	define: { OMNITRACK_VERSION: JSON.stringify(version) },
	// Optional accelerators that are not part of what is built.
	external: ['pg-native', 'bufferutil', 'utf-8-validate'],
	// What isn't an ES module asks for others by require.
	banner: {
		js: "import { createRequire as omnitrackRequire } from 'node:module'; const require = omnitrackRequire(import.meta.url);",
	},
	logLevel: 'warning',
	metafile: true,
});
const took = Object.values(metafile.outputs).flatMap((output) =>
	Object.entries(output.inputs).filter(([, input]) => input.bytesInOutput > 0),
);
notePackages(
	out,
	'server.packages.json',
	took.map(([path]) => join(process.cwd(), path)),
);
