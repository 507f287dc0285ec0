/**
 * What runs in the page of points_run.ts: a map, and 20,000 points on it that move, by our own layer or by GeoJSON. The runner
 * calls `run`, and counts what the main thread used.
 */
import { Map as MapLibre, setWorkerUrl, type GeoJSONSource } from 'maplibre-gl';
import { FrameWriter, KIND_CHANGES, packFlags } from '../../shared/frame.ts';
import { states } from '../../shared/state.ts';
import { Fleet } from '../../app/live/fleet.ts';
import { FleetLayer, type Rgb } from '../../app/map/fleet_layer.ts';
import { mercatorX, mercatorY } from '../../app/map/mercator.ts';
import { NO_COUNTS_ZOOM, pack } from '../../app/map/pack.ts';

const POINTS = 20_000;
/** So many different places of each point are made beforehand. */
const TURNS = 4;

export interface Bench {
	/** Ready to be asked. */
	ready: boolean;
	/** Shows all points anew so many times, each when those before are drawn. */
	run: (how: 'layer' | 'geojson', times: number) => Promise<void>;
	/** Milliseconds of the longest task since the last call, 0: none above 50 ms. */
	longest: () => number;
	/** Points that were drawn last. */
	drawn: number;
}

declare global {
	interface Window {
		bench: Bench;
	}
}

function place(point: number, turn: number): { longitude: number; latitude: number } {
	return { longitude: 5 + (point % 200) * 0.1 + turn * 0.01, latitude: 45 + Math.floor(point / 200) * 0.07 };
}

function frame(turn: number): Uint8Array {
	const writer = new FrameWriter(KIND_CHANGES, Date.now(), POINTS);
	for (let i = 0; i < POINTS; i++) {
		const { longitude, latitude } = place(i, turn);
		const flags = packFlags(states[i % states.length] ?? 'out', true, true, null);
		writer.put(i, Math.round(latitude * 1e7), Math.round(longitude * 1e7), 50, (i * 7) % 360, flags, 1_700_000_000);
	}
	return writer.bytes;
}

function features(turn: number): GeoJSON.FeatureCollection {
	return {
		type: 'FeatureCollection',
		features: Array.from({ length: POINTS }, (_, i) => {
			const { longitude, latitude } = place(i, turn);
			return {
				type: 'Feature',
				properties: { state: i % states.length },
				geometry: { type: 'Point', coordinates: [longitude, latitude] },
			};
		}),
	};
}

setWorkerUrl('/worker.mjs');
const map = new MapLibre({
	container: 'map',
	style: { version: 8, sources: {}, layers: [] },
	center: [15, 48.5],
	zoom: 5,
	fadeDuration: 0,
	attributionControl: false,
});
const fleet = new Fleet();
const colours = states.map((_, i): Rgb => [i / states.length, 0.5, 1 - i / states.length]);
const layer = new FleetLayer({ states: colours, halo: [1, 1, 1], chosen: [1, 0, 0] });
const numbers = Uint32Array.from({ length: POINTS }, (_, i) => i);
const frames = Array.from({ length: TURNS }, (_, turn) => frame(turn));
const collections = Array.from({ length: TURNS }, (_, turn) => features(turn));
let shown: 'layer' | 'geojson' | null = null;
let longest = 0;
new PerformanceObserver((list) => {
	for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
}).observe({ entryTypes: ['longtask'] });

/** Resolves when the map has drawn what it was told, and waits for nothing more. */
function drawn(): Promise<void> {
	return new Promise((resolve) => {
		void map.once('idle', () => resolve());
	});
}

async function choose(how: 'layer' | 'geojson'): Promise<void> {
	if (shown === how) return;
	if (shown === 'layer') map.removeLayer(layer.id);
	if (shown === 'geojson') {
		map.removeLayer('points');
		map.removeSource('points');
	}
	shown = how;
	if (how === 'layer') map.addLayer(layer);
	else {
		map.addSource('points', { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
		map.addLayer({
			id: 'points',
			type: 'circle',
			source: 'points',
			paint: { 'circle-radius': 5, 'circle-color': '#888' },
		});
	}
	await drawn();
}

function showByLayer(turn: number): void {
	fleet.apply(frames[turn % TURNS] ?? new Uint8Array());
	const box = map.getBounds();
	const packed = pack(
		fleet,
		numbers,
		// From this zoom on each is a mark: all are drawn, which the application does with fewer alone.
		{
			zoom: NO_COUNTS_ZOOM,
			west: mercatorX(box.getWest()),
			east: mercatorX(box.getEast()),
			north: mercatorY(box.getNorth()),
			south: mercatorY(box.getSouth()),
		},
		undefined,
	);
	layer.setPacked(packed);
	window.bench.drawn = packed.count;
	map.triggerRepaint();
}

window.bench = {
	ready: false,
	drawn: 0,
	async run(how, times) {
		await choose(how);
		for (let turn = 0; turn < times; turn++) {
			const done = drawn();
			if (how === 'layer') showByLayer(turn);
			else void map.getSource<GeoJSONSource>('points')?.setData(collections[turn % TURNS] ?? features(0));
			await done;
		}
	},
	longest() {
		const found = longest;
		longest = 0;
		return found;
	},
};
void map.once('load', () => {
	window.bench.ready = true;
});
