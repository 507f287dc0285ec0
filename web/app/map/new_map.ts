/** A map with nothing but water, upright and flat, before its base is there: what all our maps begin with. */
import { AttributionControl, Map as MapLibre, ScaleControl, setWorkerUrl } from 'maplibre-gl';
// All that the workers load ends in .mjs (vite.config.ts).
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import 'maplibre-gl/dist/maplibre-gl.css';
import './map.css';
import type { Palette } from './palette.ts';

setWorkerUrl(workerUrl);

export interface NewMap {
	container: HTMLElement;
	/** For whoever can't see it. */
	label: string;
	center: [number, number];
	zoom: number;
	/** Where there is little room: no scale, and the makers of the map at the top. */
	small?: boolean;
}

/** Only where canDrawMaps(). */
export function newMap({ container, label, center, zoom, small = false }: NewMap, palette: Palette): MapLibre {
	const map = new MapLibre({
		container,
		style: {
			version: 8,
			sources: {},
			layers: [{ id: 'water', type: 'background', paint: { 'background-color': palette.css('map-water') } }],
		},
		center,
		zoom,
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
	map.touchZoomRotate.disableRotation();
	map.keyboard.disableRotation();
	map.addControl(new AttributionControl({ compact: false }), small ? 'top-left' : 'bottom-right');
	if (!small) map.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-left');
	return map;
}

export function canDrawMaps(): boolean {
	return document.createElement('canvas').getContext('webgl2') !== null;
}
