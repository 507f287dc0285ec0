/**
 * The licences of what is really in the bundles. Each build notes the packages that it took something from
 * (notePackages, noticesPlugin); then `node build/notices.ts DIST` makes DIST/third-party-notices.txt of these notes. A
 * package that comes without the text of its licence ends the build.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plugin } from 'vite';

const NOTES = ['server.packages.json', 'app.packages.json'] as const;
type Note = (typeof NOTES)[number];

/** What is no package of its own, but lies in one. */
const DATA = `Cities: GeoNames (https://www.geonames.org), licensed under Creative Commons Attribution 4.0
(https://creativecommons.org/licenses/by/4.0/); those with few inhabitants were left out.
Countries: Natural Earth (https://www.naturalearthdata.com), in the public domain.
`;

/** The folder of the package that a file of node_modules belongs to. */
function packageOf(file: string): string | undefined {
	return /^(?:.*\0)?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
}

/** Notes the packages that these files are of; files that are our own count for nothing. */
export function notePackages(out: string, note: Note, files: Iterable<string>): void {
	const folders = new Set<string>();
	for (const file of files) {
		const folder = packageOf(file);
		if (folder !== undefined) folders.add(folder);
	}
	if (folders.size === 0) throw new Error(`${note}: no package is in the bundle, which can't be`);
	writeFileSync(join(out, note), JSON.stringify([...folders].sort()));
}

/** For vite: notes what the chunks are made of, and where fonts and data come from. */
export function noticesPlugin(): Plugin {
	let root = '';
	return {
		name: 'notices',
		apply: 'build',
		configResolved(config) {
			root = config.root;
		},
		writeBundle(options, bundle) {
			const files = Object.values(bundle).flatMap((item) =>
				item.type === 'chunk' ? item.moduleIds : item.originalFileNames.map((name) => resolve(root, name)),
			);
			notePackages(join(options.dir ?? '', '..'), 'app.packages.json', files);
		},
	};
}

interface Manifest {
	name: string;
	version: string;
	license: string;
}

function manifest(folder: string): Manifest {
	const read: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
	const { name, version, license } = read as Record<string, unknown>;
	if (typeof name !== 'string' || typeof version !== 'string' || typeof license !== 'string')
		throw new Error(`${folder}/package.json lacks name, version or license`);
	return { name, version, license };
}

/** Of a package that leaves its text out, as it stands in its repository: NAME.LICENSE beside this file. */
function keptText(name: string): string | undefined {
	const file = join(import.meta.dirname, `${name}.LICENSE`);
	return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

/** The files of licences that a package has, else what its README says under that heading. */
function licenceText(folder: string): string | undefined {
	const names = readdirSync(folder).sort();
	const own = names.filter((name) => /^(licen[cs]e|copying|notice)/i.test(name) && !/\.(js|ts|json)$/i.test(name));
	if (own.length > 0) return own.map((name) => readFileSync(join(folder, name), 'utf8').trim()).join('\n\n');
	const readme = names.find((name) => /^readme/i.test(name));
	if (readme === undefined) return undefined;
	const text = readFileSync(join(folder, readme), 'utf8');
	const section = /^#+ *licen[cs]e *\n([^]*?)(?=\n#|$(?![^]))/im.exec(text)?.[1]?.trim();
	return section !== undefined && /copyright/i.test(section) ? section : undefined;
}

export function notices(dist: string): string {
	const folders = new Set(
		NOTES.flatMap((note) => JSON.parse(readFileSync(join(dist, note), 'utf8')) as readonly string[]),
	);
	const parts = new Map<string, string>();
	for (const folder of folders) {
		const { name, version, license } = manifest(folder);
		const text = licenceText(folder) ?? keptText(name);
		if (text === undefined) throw new Error(`${name} ${version} (${license}): no text of its licence in ${folder}`);
		parts.set(`${name} ${version}`, `${name} ${version} (${license})\n\n${text}\n`);
	}
	const sorted = [...parts.keys()].sort().map((name) => parts.get(name) ?? '');
	const head = 'omnitrack-web contains the packages and data below, each under its own licence.\n';
	return [head, DATA, ...sorted].join(`\n${'-'.repeat(80)}\n\n`);
}

const [, program, dist] = process.argv;
if (program === import.meta.filename) {
	if (dist === undefined || !existsSync(dist)) throw new Error('usage: node build/notices.ts DIST');
	writeFileSync(join(dist, 'third-party-notices.txt'), notices(dist));
}
