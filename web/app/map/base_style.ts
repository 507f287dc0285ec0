/**
 * The style of the base map that ships: land, borders, names of countries and cities. Names are drawn by the browser
 * with the fonts of the page, so no glyphs are fetched.
 */
import type { ExpressionSpecification, StyleSpecification } from 'maplibre-gl';
import { countries } from 'virtual:base-map';
import type { Part } from './base_data.ts';
import type { Palette } from './palette.ts';
import { TOWN_ABOVE, townSizes } from './town_names.ts';

/** Cities in view, which are put in as the map moves. */
export const CITIES = 'cities';
/** The layer of their names. */
export const CITY_NAMES = 'city';

/** As base_worker.ts understands it. */
function partAddress(part: Part): string {
	return `base://${part}?${encodeURIComponent(countries)}`;
}

const font = ['IBM Plex Sans Variable'];

export function baseStyle(palette: Palette): StyleSpecification {
	const { css } = palette;
	const attribution =
		'Natural Earth · <a href="https://www.geonames.org/" target="_blank" rel="noreferrer">GeoNames</a> CC BY 4.0';
	return {
		version: 8,
		sources: {
			land: { type: 'geojson', data: partAddress('land'), maxzoom: 8, tolerance: 0.3, attribution },
			lines: { type: 'geojson', data: partAddress('lines'), maxzoom: 8, tolerance: 0.3 },
			names: { type: 'geojson', data: partAddress('names') },
			[CITIES]: { type: 'geojson', data: { type: 'FeatureCollection', features: [] }, maxzoom: 9 },
		},
		layers: [
			{ id: 'water', type: 'background', paint: { 'background-color': css('map-water') } },
			{ id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': css('map-land'), 'fill-antialias': false } },
			{
				id: 'coast',
				type: 'line',
				source: 'lines',
				filter: ['==', ['get', 'kind'], 'coast'],
				paint: { 'line-color': css('map-coast'), 'line-width': ['interpolate', ['linear'], ['zoom'], 2, 0.6, 8, 1.2] },
			},
			{
				id: 'border',
				type: 'line',
				source: 'lines',
				filter: ['==', ['get', 'kind'], 'border'],
				layout: { 'line-join': 'round' },
				paint: { 'line-color': css('map-border'), 'line-width': ['interpolate', ['linear'], ['zoom'], 2, 0.7, 8, 2] },
			},
			{
				id: 'city-dot',
				type: 'circle',
				source: CITIES,
				minzoom: 4,
				paint: {
					'circle-radius': ['interpolate', ['linear'], ['zoom'], 4, 1.6, 10, 3],
					'circle-color': css('map-land'),
					'circle-stroke-color': css('map-city'),
					'circle-stroke-width': 1,
					'circle-opacity': 0.9,
				},
			},
			{
				id: CITY_NAMES,
				type: 'symbol',
				source: CITIES,
				minzoom: 3,
				layout: {
					'text-font': font,
					'text-field': ['get', 'n'],
					'text-size': [
						'interpolate',
						['linear'],
						['zoom'],
						...townSizes.flatMap(({ zoom, p, px }): [number, ExpressionSpecification] => [
							zoom,
							['interpolate', ['linear'], ['get', 'p'], p[0], px[0], p[1], px[1]],
						]),
					] as ExpressionSpecification,
					'text-anchor': 'bottom',
					'text-offset': [0, -TOWN_ABOVE],
					'symbol-sort-key': ['-', 0, ['get', 'p']],
					'text-padding': 6,
				},
				paint: { 'text-color': css('map-city'), 'text-halo-color': css('map-halo'), 'text-halo-width': 1.2 },
			},
			{
				id: 'country',
				type: 'symbol',
				source: 'names',
				maxzoom: 7,
				filter: ['>=', ['get', 'area'], ['step', ['zoom'], 60, 3, 20, 4, 5, 5, 1, 6, 0.2]],
				layout: {
					'text-font': font,
					'text-field': ['get', 'n'],
					'text-transform': 'uppercase',
					'text-letter-spacing': 0.14,
					'text-size': ['interpolate', ['linear'], ['zoom'], 2, 9.5, 6, 13],
					'text-max-width': 8,
					'symbol-sort-key': ['-', 0, ['get', 'area']],
				},
				paint: { 'text-color': css('map-country'), 'text-halo-color': css('map-halo'), 'text-halo-width': 1.2 },
			},
		],
	};
}
