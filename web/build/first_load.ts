/**
 * What a first visit loads, gzipped, against what it may load: a build that is above fails, and each one says its
 * figures. Fonts are not in it: what one needs of them depends on the language, and woff2 is compressed by itself.
 *
 * A plugin for vite. It also writes FILE.gz beside what the server sends compressed (server/http/compressed.ts).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const COMPRESSED = /\.(?:js|mjs|css|json|svg)$/;

/** What a visit is made of, and the most kB (1,000 bytes) of it. */
export const LIMITS = { login: 110, 'without the map': 380, "the map's code": 450, 'the base map': 450 } as const;
export type Part = keyof typeof LIMITS;

/** A file of the bundle, as far as it matters here. */
export interface Output {
	/** Source file of an entry, also of one that is imported lazily. */
	entry: string | null;
	lazy: boolean;
	imports: readonly string[];
	css: readonly string[];
	gzipped: number;
}
export type Outputs = ReadonlyMap<string, Output>;

/** A file, what it imports, and their styles. */
function closure(files: Outputs, from: string, found = new Set<string>()): Set<string> {
	if (found.has(from)) return found;
	found.add(from);
	const file = files.get(from);
	for (const name of file?.imports ?? []) closure(files, name, found);
	for (const name of file?.css ?? []) found.add(name);
	return found;
}

function entry(files: Outputs, source: string): string {
	for (const [name, file] of files) if (file.entry?.endsWith(source) === true) return name;
	throw new Error(`the first load can't be measured: nothing is built from ${source}`);
}

function size(files: Outputs, names: Iterable<string>): number {
	let bytes = 0;
	for (const name of names) bytes += files.get(name)?.gzipped ?? 0;
	return bytes;
}

/** What the largest language adds to what is there in English (app/i18n): TEXTS are the files of each that are fetched. */
function language(files: Outputs, texts: readonly string[], there: ReadonlySet<string>): number {
	const of = new Map<string, Set<string>>();
	for (const [name, file] of files) {
		const [, code, text] = /\/i18n\/(\w+)\/(\w+)\.ts$/.exec(file.entry ?? '') ?? [];
		if (code === undefined || text === undefined || !texts.includes(text)) continue;
		of.set(code, closure(files, name, of.get(code)));
	}
	const sizes = [...of.values()].map((names) =>
		size(
			files,
			[...names].filter((name) => !there.has(name)),
		),
	);
	return Math.max(0, ...sizes);
}

/** Bytes of each part. Without the map: the application and whichever screen and language are largest. */
export function firstLoad(files: Outputs): Record<Part, number> {
	const map = closure(files, entry(files, 'screens/fleet/map.tsx'));
	const fleet = closure(files, entry(files, 'screens/fleet/fleet.tsx'));
	const page = closure(files, entry(files, 'index.html'));
	const mapAlone = [...map].filter((name) => !fleet.has(name) && !page.has(name));
	const screens = [...files]
		// A map comes after its screen, which shows something before: screens/…/…map.tsx.
		.filter(([name, file]) => file.lazy && !mapAlone.includes(name) && file.entry?.endsWith('map.tsx') !== true)
		.map(([name]) => size(files, new Set([...page, ...closure(files, name)])));
	const others = [...files.keys()];
	const login = closure(files, entry(files, 'login.html'));
	return {
		login: size(files, login) + language(files, ['common', 'sign_in'], login),
		'without the map': Math.max(...screens) + language(files, ['index'], page),
		// The worker is no import of it, but a file that it starts.
		"the map's code": size(files, [...mapAlone, ...others.filter((name) => name.endsWith('.mjs'))]),
		'the base map': size(
			files,
			others.filter((name) => /\/(?:countries|cities)-[^/]*\.json$/.test(name)),
		),
	};
}

export function tooLarge(found: Record<Part, number>): Part[] {
	return (Object.keys(LIMITS) as Part[]).filter((part) => found[part] > LIMITS[part] * 1000 || found[part] === 0);
}

export function firstLoadLimits(): Plugin {
	return {
		name: 'first-load',
		apply: 'build',
		writeBundle(options, bundle) {
			const files = new Map<string, Output>();
			for (const [name, file] of Object.entries(bundle)) {
				const text = file.type === 'chunk' ? file.code : file.source;
				const packed = gzipSync(text, { level: 9 });
				if (COMPRESSED.test(name)) writeFileSync(join(options.dir ?? '.', `${name}.gz`), packed);
				const chunk = file.type === 'chunk' ? file : null;
				files.set(name, {
					entry: chunk !== null && (chunk.isEntry || chunk.isDynamicEntry) ? chunk.facadeModuleId : null,
					lazy: chunk?.isDynamicEntry ?? false,
					imports: chunk?.imports ?? [],
					css: [...(chunk?.viteMetadata?.importedCss ?? [])],
					gzipped: packed.length,
				});
			}
			const found = firstLoad(files);
			const said = (Object.keys(LIMITS) as Part[]).map(
				(part) => `${part} ${(found[part] / 1000).toFixed(1)} of ${LIMITS[part]} kB`,
			);
			// For bench/run.
			writeFileSync(join(options.dir ?? '.', '..', 'first_load.json'), JSON.stringify(found));
			console.log(`first load, gzip: ${said.join(', ')}`);
			const over = tooLarge(found);
			if (over.length > 0) this.error(`a first visit would load too much (or it isn't found): ${over.join(', ')}`);
		},
	};
}
