/**
 * The map below the devices: the one that ships, or the street map that the installation has set. Each becomes a style
 * that is made for a theme.
 */
import { addProtocol, importScriptInWorkers, type StyleSpecification } from 'maplibre-gl';
import type { MapSetting } from '../../shared/map_setting.ts';
import workerScript from './base_worker.ts?worker&url';
import { baseStyle } from './base_style.ts';
import type { Palette } from './palette.ts';

export interface Base {
	/** A style, or its address. */
	style: (palette: Palette) => StyleSpecification | string;
	/** Cities are put into it as the map moves. */
	hasCities: boolean;
}

/** What installations write as text stands there as text. */
function escaped(text: string): string {
	const box = document.createElement('span');
	box.textContent = text;
	return box.innerHTML;
}

/** Styles and tiles may be of two kinds, for the themes. */
function themed(address: string, palette: Palette): string {
	return address.replaceAll('{theme}', palette.dark ? 'dark' : 'light');
}

async function shipped(): Promise<Base> {
	await importScriptInWorkers(new URL(workerScript, import.meta.url).href);
	return { style: baseStyle, hasCities: true };
}

function raster(address: string, attribution: string | null, tileSize: number): Base {
	// Where tiles know no dark theme, they are dimmed.
	const dims = !address.includes('{theme}');
	return {
		hasCities: false,
		style: (palette) => ({
			version: 8,
			sources: {
				street: {
					type: 'raster',
					...(address.startsWith('pmtiles:') ? { url: address } : { tiles: [themed(address, palette)] }),
					tileSize,
					...(attribution === null ? {} : { attribution }),
				},
			},
			layers: [
				{
					id: 'street-ground',
					type: 'background',
					paint: { 'background-color': palette.css('map-land') },
				},
				{
					id: 'street',
					type: 'raster',
					source: 'street',
					paint:
						palette.dark && dims
							? { 'raster-brightness-max': 0.55, 'raster-saturation': -0.45, 'raster-contrast': 0.1 }
							: { 'raster-brightness-max': 1, 'raster-saturation': 0, 'raster-contrast': 0 },
				},
			],
		}),
	};
}

interface Metadata {
	attribution?: string;
	vector_layers?: { id: string }[];
}

async function pmtiles(address: string, said: string | null): Promise<Base> {
	const [{ PMTiles, Protocol, TileType }, { streetLayers }] = await Promise.all([
		import('pmtiles'),
		import('./street_style.ts'),
	]);
	const absolute = new URL(address, location.href).href;
	const protocol = new Protocol();
	const archive = new PMTiles(absolute);
	protocol.add(archive);
	addProtocol('pmtiles', protocol.tile);
	const header = await archive.getHeader();
	const metadata = (await archive.getMetadata()) as Metadata;
	const attribution = said ?? metadata.attribution ?? null;
	const url = `pmtiles://${absolute}`;
	if (header.tileType !== TileType.Mvt) return raster(url, attribution, 256);
	const there = new Set((metadata.vector_layers ?? []).map((layer) => layer.id));
	return {
		hasCities: false,
		style: (palette) => ({
			version: 8,
			sources: { street: { type: 'vector', url, ...(attribution === null ? {} : { attribution }) } },
			layers: streetLayers('street', there, palette),
		}),
	};
}

export async function loadBase({ kind, url, attribution }: MapSetting): Promise<Base> {
	const said = attribution === null ? null : escaped(attribution);
	if (kind === 'pmtiles' && url !== null) return pmtiles(url, said);
	if (kind === 'raster' && url !== null) return raster(url, said, 256);
	if (kind === 'style' && url !== null) return { style: (palette) => themed(url, palette), hasCities: false };
	return shipped();
}
