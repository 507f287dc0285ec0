/** The cities of the base map: those in view that are large enough for the zoom, so that the map's worker has few. */
import type { FeatureCollection, Point } from 'geojson';
import type { Box } from '../../shared/tiles.ts';
import type { Cities } from './places.ts';

/** From this zoom on: 10 log10 of the inhabitants that a city must have. */
const LEAST = [
	[0, 66],
	[4, 62],
	[5, 57],
	[6, 53],
	[7, 48],
	[8, 43],
] as const;
/** Of the box, on each side. */
const MARGIN = 0.5;

function least(zoom: number): number {
	return LEAST.findLast(([from]) => zoom >= from)?.[1] ?? LEAST[0][1];
}

/** In the box and half as much around it, so that little moves leave them as they are. */
export function townsIn(cities: Cities, box: Box, zoom: number): FeatureCollection<Point> {
	const size = least(zoom);
	const dx = (box.east - box.west) * MARGIN;
	const dy = (box.north - box.south) * MARGIN;
	const features: FeatureCollection<Point>['features'] = [];
	// The largest come first.
	for (let i = 0; i < cities.names.length && (cities.size[i] ?? 0) >= size; i++) {
		const longitude = cities.longitude[i] ?? 0;
		const latitude = cities.latitude[i] ?? 0;
		if (longitude < box.west - dx || longitude > box.east + dx) continue;
		if (latitude < box.south - dy || latitude > box.north + dy) continue;
		features.push({
			type: 'Feature',
			properties: { n: cities.names[i] ?? '', p: cities.size[i] ?? 0 },
			geometry: { type: 'Point', coordinates: [longitude, latitude] },
		});
	}
	return { type: 'FeatureCollection', features };
}
