/**
 * WEB_MAP_STYLE: the street map of this installation. What is set decides what pages are told, which other hosts they
 * may ask (the policy of the pages), and which file is served.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { z } from 'zod';
import type { MapSetting } from '../shared/map_setting.ts';
import { ConfigError } from './config.ts';

/** Where pages find a file of this host. */
export const MAP_FILE_PATH = '/map/tiles.pmtiles';
const FETCH_MS = 5000;

export interface MapSource {
	/** As pages are told. */
	setting: MapSetting;
	/** A file of this host, which is served. */
	file: string | null;
}

/** Its first bytes say what it is, and in which version. */
function checkFile(path: string): void {
	const head = Buffer.alloc(8);
	try {
		const file = openSync(path, 'r');
		readSync(file, head, 0, 8, 0);
		closeSync(file);
	} catch (error) {
		throw new ConfigError(`WEB_MAP_STYLE: ${error instanceof Error ? error.message : String(error)}`);
	}
	if (head.toString('latin1', 0, 7) !== 'PMTiles' || head[7] !== 3)
		throw new ConfigError(`WEB_MAP_STYLE: ${path} is no PMTiles file of version 3`);
}

/** An address of the file, template or style, then whose map it is, which the map shows. */
export function parseMapStyle(text: string | undefined): MapSource {
	if (text === undefined) return { setting: { kind: 'shipped', url: null, attribution: null }, file: null };
	const [address = '', ...said] = text.trim().split(/\s+/);
	const attribution = said.length === 0 ? null : said.join(' ');
	const isFile = /\.pmtiles(\?.*)?$/.test(address);
	if (address.startsWith('/') && isFile) {
		checkFile(address);
		return { setting: { kind: 'pmtiles', url: MAP_FILE_PATH, attribution }, file: address };
	}
	if (!/^https?:\/\/[^/{}\s]+\//.test(address))
		throw new ConfigError(
			`WEB_MAP_STYLE: "${address}" is neither a .pmtiles file (a whole path) nor an address that begins with https://`,
		);
	const isTemplate = ['{z}', '{x}', '{y}'].every((part) => address.includes(part));
	const kind = isFile ? 'pmtiles' : isTemplate ? 'raster' : 'style';
	return { setting: { kind, url: address, attribution }, file: null };
}

function originOf(address: string): string | null {
	// {s}, {z} and the like are no part of an origin.
	const origin = /^https?:\/\/[^/{}]+/.exec(address)?.[0];
	return origin !== undefined && URL.canParse(origin) ? new URL(origin).origin : null;
}

const Source = z.object({
	url: z.string().optional(),
	tiles: z.array(z.string()).optional(),
	data: z.unknown().optional(),
});
const Style = z.object({
	sources: z.record(z.string(), Source),
	glyphs: z.string().optional(),
	sprite: z.union([z.string(), z.array(z.object({ url: z.string() }))]).optional(),
});
const TileJson = z.object({ tiles: z.array(z.string()).default([]) });

async function fetchJson(address: string): Promise<unknown> {
	const answer = await fetch(address, { signal: AbortSignal.timeout(FETCH_MS) });
	if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
	return answer.json();
}

/** Addresses that a style names; those of its sources say more. */
async function addressesOf(address: string): Promise<string[]> {
	const style = Style.parse(await fetchJson(address));
	const sprites = typeof style.sprite === 'string' ? [style.sprite] : (style.sprite ?? []).map((s) => s.url);
	const found = [...sprites, ...(style.glyphs === undefined ? [] : [style.glyphs])];
	for (const source of Object.values(style.sources)) {
		if (typeof source.data === 'string') found.push(source.data);
		found.push(...(source.tiles ?? []));
		if (source.url === undefined) continue;
		const described = new URL(source.url, address).href;
		found.push(described, ...TileJson.parse(await fetchJson(described)).tiles);
	}
	return found;
}

/** Other hosts that pages may ask for the map. Of a style they are known when it has been read. */
export class MapOrigins {
	#known: string[];
	readonly #setting: MapSetting;

	constructor({ setting }: MapSource) {
		this.#setting = setting;
		this.#known = this.#of([setting.url ?? '']);
	}

	get list(): readonly string[] {
		return this.#known;
	}

	#of(addresses: readonly string[]): string[] {
		return [...new Set(addresses.map(originOf).filter((origin) => origin !== null))];
	}

	/** Reads a style for the hosts that it names; what fails may be tried again. */
	async read(): Promise<void> {
		const { kind, url } = this.#setting;
		if (kind !== 'style' || url === null) return;
		const addresses: string[] = [];
		for (const theme of url.includes('{theme}') ? ['light', 'dark'] : [''])
			addresses.push(...(await addressesOf(url.replaceAll('{theme}', theme))));
		this.#known = this.#of([url, ...addresses]);
	}
}
