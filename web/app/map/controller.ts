/**
 * The map, apart from React: maplibre with our base map, the fleet's layer, what is written on it, the trail. It is told
 * what to show, and says what was picked and where it came to rest.
 */
import { AttributionControl, Map as MapLibre, ScaleControl, setWorkerUrl, type GeoJSONSource } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import './map.css';
import type { Fleet } from '../live/fleet.ts';
import { loadBaseMap, type BaseMap } from './base_data.ts';
import { baseStyle } from './base_style.ts';
import { FleetLayer } from './fleet_layer.ts';
import { latitudeOf, longitudeOf, mercatorX, mercatorY } from './mercator.ts';
import { cellBounds, Overlay } from './overlay.ts';
import { pack, type Packed } from './pack.ts';
import { readPalette, watchTheme } from './palette.ts';

setWorkerUrl(workerUrl);

export interface Place {
	latitude: number;
	longitude: number;
	zoom: number;
}

export interface Box {
	west: number;
	south: number;
	east: number;
	north: number;
}

export interface Events {
	pick: (number: number | null) => void;
	/** The user or a button has moved the map. `byUser`: by hand, which ends following. */
	moved: (place: Place, box: Box, byUser: boolean) => void;
	/** It can be told what to show. */
	ready: (map: MapController) => void;
}

export function canDrawMaps(): boolean {
	return document.createElement('canvas').getContext('webgl2') !== null;
}

function isPhone(): boolean {
	return matchMedia('(max-width: 760px)').matches;
}

const TRAIL = 'trail';
/** Zoom for a single device. */
const NEAR = 13;

/** Most points that are left aside at each end, so that one device at 0° 0° doesn't make the world the view. */
const OUTLIERS = 0.01;

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

export class MapController {
	readonly #map: MapLibre;
	readonly #layer: FleetLayer;
	readonly #overlay: Overlay;
	readonly #fleet: Fleet;
	readonly #stopTheme: () => void;
	#palette = readPalette();
	#base: BaseMap | null = null;
	#shown: Uint32Array = new Uint32Array(0);
	#chosen: number | undefined;
	#trail: [number, number][] = [];
	#covered = { right: 0, bottom: 0 };
	#packed: Packed | null = null;

	/** Only where canDrawMaps(). */
	constructor(
		container: HTMLElement,
		fleet: Fleet,
		titleOf: (n: number) => string | undefined,
		label: string,
		start: Place | null,
		events: Events,
	) {
		this.#fleet = fleet;
		const map = new MapLibre({
			container,
			style: {
				version: 8,
				sources: {},
				layers: [{ id: 'water', type: 'background', paint: { 'background-color': this.#palette.css('map-water') } }],
			},
			center: start === null ? [15, 50] : [start.longitude, start.latitude],
			zoom: start?.zoom ?? 3.2,
			minZoom: 1.5,
			maxZoom: 18,
			renderWorldCopies: false,
			dragRotate: false,
			pitchWithRotate: false,
			touchPitch: false,
			maxPitch: 0,
			fadeDuration: 150,
			attributionControl: false,
			locale: { 'Map.Title': label },
		});
		this.#map = map;
		map.touchZoomRotate.disableRotation();
		map.keyboard.disableRotation();
		const phone = isPhone();
		map.addControl(new AttributionControl({ compact: false }), phone ? 'top-left' : 'bottom-right');
		if (!phone) map.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-left');
		this.#layer = new FleetLayer(this.#palette.marks);
		this.#overlay = new Overlay(map, this.#palette, titleOf);
		map.on('load', () => {
			void this.#loadBase();
			events.ready(this);
		});
		map.on('move', () => this.#repack());
		map.on('resize', () => this.#repack());
		map.on('moveend', (event) => {
			this.#repack();
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
		this.#stopTheme();
		this.#overlay.remove();
		this.#map.remove();
	}

	async #loadBase(): Promise<void> {
		this.#addFleet();
		this.#base = await loadBaseMap().catch(() => null);
		if (this.#base !== null) this.#restyle();
	}

	#addFleet(): void {
		const map = this.#map;
		if (map.getLayer('fleet') !== undefined) return;
		map.addSource(TRAIL, { type: 'geojson', data: this.#trailData() });
		map.addLayer({
			id: TRAIL,
			type: 'line',
			source: TRAIL,
			layout: { 'line-cap': 'round', 'line-join': 'round' },
			paint: { 'line-color': this.#palette.css('accent'), 'line-width': 3, 'line-opacity': 0.75 },
		});
		map.addLayer(this.#layer);
	}

	#restyle(): void {
		this.#palette = readPalette();
		this.#layer.setColours(this.#palette.marks);
		this.#overlay.setPalette(this.#palette);
		if (this.#base === null) return;
		this.#map.setStyle(baseStyle(this.#base, this.#palette), { diff: false });
		void this.#map.once('style.load', () => this.#addFleet());
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
		);
		this.#layer.setPacked(this.#packed);
		this.#overlay.setPacked(this.#packed);
		// What stands on the map, for whoever can't see a canvas: tests and helpers.
		const canvas = this.#map.getCanvas();
		canvas.dataset['marks'] = String(this.#packed.count);
		canvas.dataset['counted'] = String(this.#packed.inView - this.#packed.count);
	}

	/** The fleet has changed, or what of it is shown. */
	show(numbers: Uint32Array, chosen: number | undefined): void {
		this.#shown = numbers;
		if (chosen !== this.#chosen) this.#trail = [];
		this.#chosen = chosen;
		this.#extendTrail();
		this.#repack();
		this.#map.triggerRepaint();
	}

	#extendTrail(): void {
		const i = this.#chosen;
		const before = this.#trail.length;
		if (i !== undefined) {
			const at: [number, number] = [longitudeOf(this.#fleet.x[i] ?? NaN), latitudeOf(this.#fleet.y[i] ?? NaN)];
			const last = this.#trail.at(-1);
			if (!Number.isNaN(at[0]) && (last === undefined || last[0] !== at[0] || last[1] !== at[1])) this.#trail.push(at);
			if (this.#trail.length > 5000) this.#trail.shift();
		}
		if (before !== this.#trail.length || this.#trail.length <= 1)
			void this.#map.getSource<GeoJSONSource>(TRAIL)?.setData(this.#trailData());
	}

	#trailData(): GeoJSON.Feature {
		return {
			type: 'Feature',
			properties: {},
			geometry: { type: 'LineString', coordinates: this.#trail.length > 1 ? this.#trail : [] },
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

	fit(numbers: Uint32Array, jump = false): boolean {
		const e = extentOf(this.#fleet, numbers);
		if (e === null) return false;
		this.#map.fitBounds(
			[
				[e.west, e.south],
				[e.east, e.north],
			],
			{
				padding: { top: 56, left: 56, right: 56 + this.#covered.right, bottom: 56 + this.#covered.bottom },
				maxZoom: NEAR,
				...(jump ? { animate: false } : this.#ease()),
			},
		);
		return true;
	}

	/** Brings a device into the middle; near enough to see where it is. */
	centre(number: number, near: boolean): void {
		const x = this.#fleet.x[number] ?? NaN;
		if (Number.isNaN(x)) return;
		const center: [number, number] = [longitudeOf(x), latitudeOf(this.#fleet.y[number] ?? 0)];
		const offset: [number, number] = [-this.#covered.right / 2, -this.#covered.bottom / 2];
		this.#map.easeTo({
			center,
			offset,
			...(near ? { zoom: Math.max(this.#map.getZoom(), NEAR) } : {}),
			...this.#ease(),
		});
	}

	/** Is the device where one sees it? */
	sees(number: number): boolean {
		const x = this.#fleet.x[number] ?? NaN;
		if (Number.isNaN(x)) return true;
		const at = this.#map.project([longitudeOf(x), latitudeOf(this.#fleet.y[number] ?? 0)]);
		const { clientWidth, clientHeight } = this.#map.getCanvas();
		return (
			at.x > 20 &&
			at.y > 20 &&
			at.x < clientWidth - this.#covered.right - 20 &&
			at.y < clientHeight - this.#covered.bottom - 20
		);
	}

	zoomBy(steps: number): void {
		this.#map.easeTo({ zoom: this.#map.getZoom() + steps, ...this.#ease() });
	}

	/** Part of the map that is covered by something, so that the middle is the middle of the rest. */
	setCovered(right: number, bottom: number): void {
		this.#covered = { right, bottom };
	}

	#ease(): { duration: number } {
		return { duration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 450 };
	}
}
