/**
 * The map, apart from React: maplibre with our base map, the fleet's layer, what is written on it, the trail. It is told
 * what to show, and says what was picked and where it came to rest.
 */
import type { GeoJSONSource, Map as MapLibre, StyleSpecification } from 'maplibre-gl';
import type { Position } from 'geojson';
import type { Cells } from '../../shared/live.ts';
import type { Box } from '../../shared/tiles.ts';
import type { Fleet } from '../live/fleet.ts';
import { nearOf, type MapSetting } from '../../shared/map_setting.ts';
import { loadBase, type Base } from './base.ts';
import { CITIES, CITY_NAMES } from './base_style.ts';
import { FleetLayer } from './fleet_layer.ts';
import { latitudeOf, longitudeOf, mercatorX, mercatorY } from './mercator.ts';
import { cellBounds, Overlay, type Town } from './overlay.ts';
import { newMap } from './new_map.ts';
import { pack, type Packed } from './pack.ts';
import { readPalette, watchTheme } from './palette.ts';
import { showCities } from './show_cities.ts';

export interface Place {
	latitude: number;
	longitude: number;
	zoom: number;
}

export interface Covered {
	right: number;
	bottom: number;
}

export interface Events {
	pick: (number: number | null) => void;
	/** The user or a button has moved the map. `byUser`: by hand, which ends following. */
	moved: (place: Place, box: Box, byUser: boolean) => void;
	/** It can be told what to show. */
	ready: (map: MapController) => void;
	/** What lies over the map right now, so that its middle is the middle of the rest; CSS pixels. */
	covered: () => Covered;
	/** Is there a map below the devices? */
	base: (state: BaseState) => void;
}

export type BaseState = 'loading' | 'shown' | 'failed';

function isPhone(): boolean {
	return matchMedia('(max-width: 760px)').matches;
}

const TRAIL = 'trail';
const MOST_OF_TRAIL = 5000;

/** Most points that are left aside at each end, so that one device at 0° 0° doesn't make the world the view. */
const OUTLIERS = 0.01;

export function hasPlace(fleet: Fleet, number: number): boolean {
	return !Number.isNaN(fleet.x[number] ?? NaN);
}

export function extentOf(fleet: Fleet, numbers: Uint32Array): Box | null {
	const xs = [];
	const ys = [];
	for (const i of numbers) {
		const x = fleet.x[i] ?? NaN;
		if (Number.isNaN(x)) continue;
		xs.push(x);
		ys.push(fleet.y[i] ?? 0);
	}
	if (xs.length === 0) return null;
	const ends = (values: number[]): [number, number] => {
		const sorted = Float64Array.from(values).sort();
		const aside = Math.floor(sorted.length * OUTLIERS);
		return [sorted[aside] ?? 0, sorted[sorted.length - 1 - aside] ?? 0];
	};
	const [west, east] = ends(xs);
	const [north, south] = ends(ys);
	return { west: longitudeOf(west), east: longitudeOf(east), north: latitudeOf(north), south: latitudeOf(south) };
}

/** The trail, above whatever the style has. */
function withTrail(before: StyleSpecification | undefined, next: StyleSpecification, colour: string) {
	const source = before?.sources[TRAIL];
	if (source === undefined) return next;
	const layers = (before?.layers ?? []).filter((layer) => layer.id === TRAIL && layer.type === 'line');
	return {
		...next,
		sources: { ...next.sources, [TRAIL]: source },
		layers: [...next.layers, ...layers.map((layer) => ({ ...layer, paint: { ...layer.paint, 'line-color': colour } }))],
	} as StyleSpecification;
}

export class MapController {
	readonly #map: MapLibre;
	readonly #layer: FleetLayer;
	readonly #overlay: Overlay;
	readonly #fleet: Fleet;
	readonly #stopTheme: () => void;
	readonly #covered: Events['covered'];
	#palette = readPalette();
	#base: Base | null = null;
	/** Zoom for a single device. */
	#near = nearOf('shipped');
	#baseState: BaseState = 'loading';
	#removed = false;
	#shown: Uint32Array = new Uint32Array(0);
	#counted: Cells | null = null;
	#chosen: number | undefined;
	/** Where the chosen one was before: pieces, between which it is not known. */
	#past: Position[][] = [];
	/** Where it has been seen since. */
	#trail: Position[] = [];
	/** Is the chosen one where one sees it? */
	#inSight = false;
	#packed: Packed | null = null;

	/** Only where canDrawMaps(). */
	constructor(
		container: HTMLElement,
		fleet: Fleet,
		titleOf: (n: number) => string | undefined,
		label: string,
		start: Place | null,
		setting: Promise<MapSetting>,
		events: Events,
	) {
		this.#fleet = fleet;
		this.#covered = events.covered;
		const map = newMap(
			{
				container,
				label,
				center: start === null ? [15, 50] : [start.longitude, start.latitude],
				zoom: start?.zoom ?? 3.2,
				small: isPhone(),
			},
			this.#palette,
		);
		this.#map = map;
		this.#layer = new FleetLayer(this.#palette.marks);
		this.#overlay = new Overlay(map, this.#palette, titleOf);
		const saw = (state: BaseState) => {
			if (this.#baseState === 'shown' || this.#baseState === state) return;
			this.#baseState = state;
			map.getCanvas().dataset['base'] = state;
			events.base(state);
		};
		const begun = map.once('style.load').then(() => this.#addFleet());
		// How near one may go depends on the base; without an answer, as near as the one that ships.
		const known = setting.then(
			({ kind }) => {
				this.#near = nearOf(kind);
			},
			() => undefined,
		);
		void Promise.all([begun, known]).then(() => {
			if (!this.#removed) events.ready(this);
		});
		// A style of others that differs too much is loaded anew as a whole.
		map.on('style.load', () => this.#addFleet());
		map.on('data', (event) => {
			const { sourceId, tile } = event as { sourceId?: string; tile?: unknown };
			if (sourceId !== undefined && sourceId !== TRAIL && sourceId !== CITIES && tile !== undefined) saw('shown');
		});
		map.on('error', () => saw('failed'));
		Promise.all([setting.then(loadBase), begun]).then(
			([base]) => {
				this.#base = base;
				this.#restyle();
			},
			() => saw('failed'),
		);
		map.on('move', () => this.#repack());
		map.on('resize', () => {
			this.#repack();
			// An alarm above the map, or a phone that is turned, hides nothing that one looks at.
			if (this.#inSight && this.#chosen !== undefined && !this.sees(this.#chosen)) this.centre(this.#chosen, false);
		});
		map.on('idle', () => this.#readTowns());
		map.on('moveend', (event) => {
			this.#repack();
			this.#lookFor();
			this.#putCities();
			events.moved(this.place(), this.box(), event.originalEvent !== undefined);
		});
		map.on('dragstart', () => events.moved(this.place(), this.box(), true));
		map.on('click', (event) => {
			const found = this.#overlay.pick(event.point.x, event.point.y, matchMedia('(pointer: coarse)').matches ? 24 : 14);
			if (found === null) events.pick(null);
			else if ('number' in found) events.pick(found.number);
			else this.#map.fitBounds(cellBounds(found.cell), { padding: 80, maxZoom: 16.5, ...this.#ease() });
		});
		map.on('mousemove', (event) => {
			map.getCanvas().style.cursor = this.#overlay.pick(event.point.x, event.point.y, 12) === null ? '' : 'pointer';
		});
		this.#stopTheme = watchTheme(() => this.#restyle());
	}

	remove(): void {
		this.#removed = true;
		this.#stopTheme();
		this.#overlay.remove();
		this.#map.remove();
	}

	#addFleet(): void {
		const map = this.#map;
		if (map.getSource(TRAIL) === undefined) map.addSource(TRAIL, { type: 'geojson', data: this.#trailData() });
		if (map.getLayer(TRAIL) === undefined)
			map.addLayer({
				id: TRAIL,
				type: 'line',
				source: TRAIL,
				layout: { 'line-cap': 'round', 'line-join': 'round' },
				paint: { 'line-color': this.#palette.css('accent'), 'line-width': 3, 'line-opacity': 0.75 },
			});
		if (map.getLayer(this.#layer.id) === undefined) map.addLayer(this.#layer);
	}

	#restyle(): void {
		this.#palette = readPalette();
		this.#layer.setColours(this.#palette.marks);
		this.#overlay.setPalette(this.#palette);
		if (this.#base === null || this.#removed) return;
		// The trail stays on top of it; the fleet is no style's layer, and stays where it is.
		this.#map.setStyle(this.#base.style(this.#palette), {
			transformStyle: (before, next) => withTrail(before, next, this.#palette.css('accent')),
		});
		this.#putCities();
	}

	/** Those that the base map names in this view. */
	#putCities(): void {
		if (this.#base?.hasCities === true) showCities(this.#map, () => this.#removed);
	}

	/** Which towns the base map has found room to name: names of devices leave them theirs. */
	#readTowns(): void {
		const map = this.#map;
		const isThere = this.#base?.hasCities === true && map.getLayer(CITY_NAMES) !== undefined;
		const towns = (isThere ? map.queryRenderedFeatures({ layers: [CITY_NAMES] }) : []).flatMap((f): Town[] => {
			if (f.geometry.type !== 'Point') return [];
			const [longitude = 0, latitude = 0] = f.geometry.coordinates;
			const { n, p } = f.properties as { n?: unknown; p?: unknown };
			return [{ name: typeof n === 'string' ? n : '', x: mercatorX(longitude), y: mercatorY(latitude), p: Number(p) }];
		});
		towns.sort((a, b) => a.x - b.x || a.y - b.y);
		if (this.#overlay.setTowns(towns)) map.triggerRepaint();
	}

	#repack(): void {
		const box = this.#map.getBounds();
		this.#packed = pack(
			this.#fleet,
			this.#shown,
			{
				zoom: this.#map.getZoom(),
				west: mercatorX(box.getWest()),
				east: mercatorX(box.getEast()),
				north: mercatorY(box.getNorth()),
				south: mercatorY(box.getSouth()),
			},
			this.#chosen,
			this.#counted,
		);
		this.#layer.setPacked(this.#packed);
		this.#overlay.setPacked(this.#packed);
		// What stands on the map, for whoever can't see a canvas: tests and helpers.
		const canvas = this.#map.getCanvas();
		canvas.dataset['marks'] = String(this.#packed.count);
		canvas.dataset['counted'] = String(this.#packed.inView - this.#packed.count);
	}

	/** The fleet has changed, or what of it is shown. `counted`: by the server, where there are too many. */
	show(numbers: Uint32Array, chosen: number | undefined, counted: Cells | null): void {
		this.#shown = numbers;
		this.#counted = counted;
		const isOther = chosen !== this.#chosen;
		if (isOther) {
			this.#trail = [];
			this.#past = [];
		}
		this.#chosen = chosen;
		if (this.#extendTrail() || isOther) this.#drawTrail();
		this.#repack();
		this.#lookFor();
		this.#map.triggerRepaint();
	}

	#lookFor(): void {
		this.#inSight = this.#chosen !== undefined && this.sees(this.#chosen);
	}

	/** True: the chosen one is somewhere else than before. */
	#extendTrail(): boolean {
		const x = this.#fleet.x[this.#chosen ?? -1] ?? NaN;
		if (Number.isNaN(x)) return false;
		const at = [longitudeOf(x), latitudeOf(this.#fleet.y[this.#chosen ?? -1] ?? 0)];
		const last = this.#trail.at(-1);
		if (last !== undefined && last[0] === at[0] && last[1] === at[1]) return false;
		this.#trail.push(at);
		if (this.#trail.length > MOST_OF_TRAIL) this.#trail.shift();
		return true;
	}

	/** Where the chosen one was before it was chosen. */
	setPast(past: Position[][]): void {
		this.#past = past;
		this.#drawTrail();
	}

	#drawTrail(): void {
		const data = this.#trailData();
		void this.#map.getSource<GeoJSONSource>(TRAIL)?.setData(data);
		// As for the marks: for whoever can't see a canvas.
		this.#map.getCanvas().dataset['trail'] = String(
			data.geometry.coordinates.reduce((n, piece) => n + piece.length, 0),
		);
	}

	#trailData(): GeoJSON.Feature<GeoJSON.MultiLineString> {
		const end = this.#past.at(-1) ?? [];
		const pieces = [...this.#past.slice(0, -1), [...end, ...this.#trail]];
		return {
			type: 'Feature',
			properties: {},
			geometry: { type: 'MultiLineString', coordinates: pieces.filter((piece) => piece.length > 1) },
		};
	}

	place(): Place {
		const { lat, lng } = this.#map.getCenter();
		return { latitude: lat, longitude: lng, zoom: this.#map.getZoom() };
	}

	box(): Box {
		const b = this.#map.getBounds();
		return { west: b.getWest(), south: b.getSouth(), east: b.getEast(), north: b.getNorth() };
	}

	fit(box: Box, jump = false): void {
		const { right, bottom } = this.#covered();
		this.#map.fitBounds(
			[
				[box.west, box.south],
				[box.east, box.north],
			],
			{
				padding: { top: 56, left: 56, right: 56 + right, bottom: 56 + bottom },
				maxZoom: this.#near,
				...(jump ? { animate: false } : this.#ease()),
			},
		);
	}

	/** Brings a device into the middle; near enough to see where it is. */
	centre(number: number, near: boolean): void {
		const x = this.#fleet.x[number] ?? NaN;
		if (Number.isNaN(x)) return;
		const center: [number, number] = [longitudeOf(x), latitudeOf(this.#fleet.y[number] ?? 0)];
		const { right, bottom } = this.#covered();
		const offset: [number, number] = [-right / 2, -bottom / 2];
		this.#map.easeTo({
			center,
			offset,
			...(near ? { zoom: Math.max(this.#map.getZoom(), this.#near) } : {}),
			...this.#ease(),
		});
	}

	/** Is the device where one sees it? */
	sees(number: number): boolean {
		const x = this.#fleet.x[number] ?? NaN;
		if (Number.isNaN(x)) return true;
		const at = this.#map.project([longitudeOf(x), latitudeOf(this.#fleet.y[number] ?? 0)]);
		const { clientWidth, clientHeight } = this.#map.getCanvas();
		const { right, bottom } = this.#covered();
		return at.x > 20 && at.y > 20 && at.x < clientWidth - right - 20 && at.y < clientHeight - bottom - 20;
	}

	zoomBy(steps: number): void {
		this.#map.easeTo({ zoom: this.#map.getZoom() + steps, ...this.#ease() });
	}

	#ease(): { duration: number } {
		return { duration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 450 };
	}
}
