/** Puts the cities of the view into a map whose base shows them (base.ts). */
import type { GeoJSONSource, Map as MapLibre } from 'maplibre-gl';
import { CITIES } from './base_style.ts';
import { loadCities } from './places.ts';
import { townsIn } from './towns.ts';

/** `isRemoved`: the map may go while the cities are on their way. */
export function showCities(map: MapLibre, isRemoved: () => boolean): void {
	void loadCities().then((cities) => {
		if (isRemoved()) return;
		const b = map.getBounds();
		const box = { west: b.getWest(), south: b.getSouth(), east: b.getEast(), north: b.getNorth() };
		void map.getSource<GeoJSONSource>(CITIES)?.setData(townsIn(cities, box, map.getZoom()));
	});
}
