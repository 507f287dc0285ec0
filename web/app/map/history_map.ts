/**
 * The map of one device's history, apart from React: its track by classes of speed, with arrows; stops and events as marks;
 * and a mark at the moment that the cursor is at. It is told what to show, and says what the pointer is at.
 */
import type { GeoJSONSource, Map as MapLibre } from 'maplibre-gl';
import type { FeatureCollection } from 'geojson';
import './history_map.css';
import type { MapSetting } from '../../shared/map_setting.ts';
import { loadBase, type Base } from './base.ts';
import { newMap } from './new_map.ts';
import { readPalette, watchTheme } from './palette.ts';
import { showCities } from './show_cities.ts';

export interface Bounds {
	west: number;
	south: number;
	east: number;
	north: number;
}

export interface Mark {
	/** Names it for `pick`. */
	key: string;
	latitude: number;
	longitude: number;
	/** A stop has its number; an event its severity. */
	kind: 'stop' | 'info' | 'warning' | 'alarm';
	text: string;
}

export interface HistoryEvents {
	/** The pointer is at a point of the map (pixels of the canvas), or away. */
	point: (at: { x: number; y: number } | null, clicked: boolean) => void;
	pick: (key: string) => void;
	/** It came to rest. */
	moved: (bounds: Bounds, zoom: number) => void;
}

const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };
const ARROW = 24;

/** A chevron that points to the east, which lines turn into their direction. */
function arrowPicture(colour: string): ImageData {
	const canvas = document.createElement('canvas');
	canvas.width = canvas.height = ARROW;
	const pen = canvas.getContext('2d');
	if (pen === null) return new ImageData(ARROW, ARROW);
	pen.strokeStyle = colour;
	pen.lineWidth = 4;
	pen.lineCap = pen.lineJoin = 'round';
	pen.beginPath();
	pen.moveTo(9, 6);
	pen.lineTo(16, 12);
	pen.lineTo(9, 18);
	pen.stroke();
	return pen.getImageData(0, 0, ARROW, ARROW);
}

export class HistoryMap {
	readonly #map: MapLibre;
	readonly #stopTheme: () => void;
	/** Moved by hand: maplibre's own marker would be loaded with the map of the fleet, too. */
	readonly #here = document.createElement('div');
	#hereAt: { place: [number, number]; heading: number } | null = null;
	#palette = readPalette();
	#base: Base | null = null;
	#removed = false;
	#lines: FeatureCollection = NOTHING;
	#marks: readonly Mark[] = [];

	/** Only where canDrawMaps(). */
	constructor(container: HTMLElement, label: string, setting: Promise<MapSetting>, events: HistoryEvents) {
		const map = newMap({ container, label, center: [15, 50], zoom: 3 }, this.#palette);
		this.#map = map;
		this.#here.className = 'history-here';
		map.on('move', () => this.#placeHere());
		map.on('load', () => {
			this.#addLayers();
			void setting.then(loadBase).then(
				(base) => {
					this.#base = base;
					this.#restyle();
				},
				// Without it the track stands on plain ground.
				() => undefined,
			);
		});
		map.on('style.load', () => {
			this.#addLayers();
			this.#putCities();
		});
		map.on('mousemove', ({ point }) => {
			const marked = this.#markAt(point.x, point.y);
			map.getCanvas().style.cursor = marked === undefined ? '' : 'pointer';
			events.point(point, false);
		});
		map.on('mouseout', () => events.point(null, false));
		map.on('click', ({ point }) => {
			const marked = this.#markAt(point.x, point.y);
			if (marked === undefined) events.point(point, true);
			else events.pick(marked);
		});
		// All is drawn that is to be seen: for tests, which look at pixels.
		map.on('idle', () => (map.getCanvas().dataset['drawn'] = String(this.#base !== null)));
		map.on('moveend', () => {
			this.#putCities();
			events.moved(this.bounds(), map.getZoom());
		});
		this.#stopTheme = watchTheme(() => this.#restyle());
	}

	remove(): void {
		this.#removed = true;
		this.#stopTheme();
		this.#map.remove();
	}

	#restyle(): void {
		this.#palette = readPalette();
		if (this.#base !== null && !this.#removed) this.#map.setStyle(this.#base.style(this.#palette), { diff: false });
	}

	#putCities(): void {
		if (this.#base?.hasCities === true) showCities(this.#map, () => this.#removed);
	}

	#markAt(x: number, y: number): string | undefined {
		if (this.#map.getLayer('marks') === undefined) return undefined;
		const reach = matchMedia('(pointer: coarse)').matches ? 16 : 4;
		const found = this.#map.queryRenderedFeatures(
			[
				[x - reach, y - reach],
				[x + reach, y + reach],
			],
			{ layers: ['marks'] },
		)[0]?.properties['key'] as unknown;
		return typeof found === 'string' ? found : undefined;
	}

	#addLayers(): void {
		const map = this.#map;
		if (map.getSource('track') !== undefined) return;
		const { css } = this.#palette;
		if (map.hasImage('arrow')) map.removeImage('arrow');
		map.addImage('arrow', arrowPicture(css('surface')), { pixelRatio: 2 });
		map.addSource('track', { type: 'geojson', data: this.#lines, tolerance: 0 });
		map.addSource('marks', { type: 'geojson', data: this.#markData() });
		const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
		map.addLayer({
			id: 'track-gap',
			type: 'line',
			source: 'track',
			filter: ['==', ['get', 'kind'], -1],
			paint: { 'line-color': css('ink-2'), 'line-width': 2, 'line-dasharray': [1, 2.5] },
		});
		map.addLayer({
			id: 'track-edge',
			type: 'line',
			source: 'track',
			filter: ['>=', ['get', 'kind'], 0],
			layout: round,
			paint: { 'line-color': css('surface'), 'line-width': 7.5, 'line-opacity': 0.85 },
		});
		map.addLayer({
			id: 'track-line',
			type: 'line',
			source: 'track',
			filter: ['>=', ['get', 'kind'], 0],
			layout: round,
			paint: {
				'line-color': [
					'match',
					['get', 'kind'],
					...[1, 2, 3, 4, 5].flatMap((kind) => [kind, css(`speed-${kind}`)]),
					css('speed-0'),
				] as unknown as string,
				'line-width': 4.5,
			},
		});
		map.addLayer({
			id: 'track-arrow',
			type: 'symbol',
			source: 'track',
			filter: ['>', ['get', 'kind'], 0],
			layout: {
				'symbol-placement': 'line',
				'symbol-spacing': 90,
				'icon-image': 'arrow',
				'icon-size': 1.15,
				'icon-rotation-alignment': 'map',
				'icon-ignore-placement': true,
				'icon-padding': 12,
			},
		});
		this.#addMarkLayers();
	}

	#addMarkLayers(): void {
		const { css } = this.#palette;
		const byKind = (stop: string, alarm: string, warning: string, info: string) =>
			['match', ['get', 'kind'], 'stop', stop, 'alarm', alarm, 'warning', warning, info] as unknown as string;
		this.#map.addLayer({
			id: 'marks',
			type: 'circle',
			source: 'marks',
			paint: {
				'circle-radius': ['match', ['get', 'kind'], 'stop', 10, 5.5],
				'circle-color': byKind(css('surface'), css('silent'), css('nofix'), css('accent')),
				'circle-stroke-color': byKind(css('ink'), css('surface'), css('surface'), css('surface')),
				'circle-stroke-width': 2,
			},
		});
		this.#map.addLayer({
			id: 'marks-text',
			type: 'symbol',
			source: 'marks',
			filter: ['==', ['get', 'kind'], 'stop'],
			layout: {
				'text-font': ['IBM Plex Sans Variable'],
				'text-field': ['get', 'text'],
				'text-size': 11,
				'text-allow-overlap': true,
			},
			paint: { 'text-color': css('ink') },
		});
	}

	#markData(): FeatureCollection {
		return {
			type: 'FeatureCollection',
			// Stops above events.
			features: [...this.#marks]
				.sort((a, b) => Number(a.kind === 'stop') - Number(b.kind === 'stop'))
				.map(({ latitude, longitude, ...properties }) => ({
					type: 'Feature',
					properties,
					geometry: { type: 'Point', coordinates: [longitude, latitude] },
				})),
		};
	}

	show(lines: FeatureCollection): void {
		this.#lines = lines;
		void this.#map.getSource<GeoJSONSource>('track')?.setData(lines);
		// What stands on the map, for whoever can't see a canvas: tests and helpers.
		const drawn = lines.features.filter(
			(f) => f.geometry.type === 'MultiLineString' && f.geometry.coordinates.length > 0,
		);
		this.#map.getCanvas().dataset['lines'] = String(drawn.length);
	}

	mark(marks: readonly Mark[]): void {
		this.#marks = marks;
		void this.#map.getSource<GeoJSONSource>('marks')?.setData(this.#markData());
		this.#map.getCanvas().dataset['marks'] = String(marks.length);
	}

	/** Where the device is at the moment of the cursor; null: nowhere. */
	here(at: { latitude: number; longitude: number; heading: number | null } | null, bringIntoView: boolean): void {
		if (at === null) {
			this.#here.remove();
			this.#hereAt = null;
			return;
		}
		const place: [number, number] = [at.longitude, at.latitude];
		this.#here.dataset['still'] = String(at.heading === null);
		if (this.#hereAt === null) this.#map.getCanvasContainer().append(this.#here);
		this.#hereAt = { place, heading: at.heading ?? 0 };
		this.#placeHere();
		if (!bringIntoView) return;
		const { x, y } = this.#map.project(place);
		const { clientWidth, clientHeight } = this.#map.getCanvas();
		const margin = 40;
		const seen = x > margin && y > margin && x < clientWidth - margin && y < clientHeight - margin;
		if (!seen) this.#map.easeTo({ center: place, ...this.#ease() });
	}

	#placeHere(): void {
		if (this.#hereAt === null) return;
		const { x, y } = this.#map.project(this.#hereAt.place);
		this.#here.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%) rotate(${this.#hereAt.heading}deg)`;
	}

	fit(box: Bounds, ease = true): void {
		this.#map.fitBounds(
			[
				[box.west, box.south],
				[box.east, box.north],
			],
			{
				padding: { top: 64, right: 72, bottom: 44, left: 44 },
				maxZoom: 16,
				...(ease ? this.#ease() : { animate: false }),
			},
		);
	}

	zoomBy(steps: number): void {
		this.#map.easeTo({ zoom: this.#map.getZoom() + steps, ...this.#ease() });
	}

	bounds(): Bounds {
		const b = this.#map.getBounds();
		return { west: b.getWest(), south: b.getSouth(), east: b.getEast(), north: b.getNorth() };
	}

	/** Pixels of the canvas. */
	project = (longitude: number, latitude: number): [number, number] => {
		const { x, y } = this.#map.project([longitude, latitude]);
		return [x, y];
	};

	#ease(): { duration: number } {
		return { duration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 400 };
	}
}
