/**
 * The style of the base map that ships: land, borders, names of countries and cities. Names are drawn by the browser
 * with the fonts of the page, so no glyphs are fetched.
 */
import type { StyleSpecification } from 'maplibre-gl';
import type { Palette } from './palette.ts';
import type { BaseMap } from './base_data.ts';

/** Layers of devices go above all of these. */
export const BASE_SOURCES = ['land', 'lines', 'names', 'cities'] as const;

const font = ['IBM Plex Sans Variable'];

export function baseStyle(base: BaseMap, palette: Palette): StyleSpecification {
	const { css } = palette;
	const attribution =
		'Natural Earth · <a href="https://www.geonames.org/" target="_blank" rel="noreferrer">GeoNames</a> CC BY 4.0';
	return {
		version: 8,
		sources: {
			land: { type: 'geojson', data: base.land, maxzoom: 8, tolerance: 0.3, attribution },
			lines: { type: 'geojson', data: base.lines, maxzoom: 8, tolerance: 0.3 },
			names: { type: 'geojson', data: base.names },
			cities: { type: 'geojson', data: base.cities, maxzoom: 9 },
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
				source: 'cities',
				minzoom: 4,
				filter: ['>=', ['get', 'p'], ['step', ['zoom'], 60, 5, 57, 6, 53, 7, 48, 8, 43]],
				paint: {
					'circle-radius': ['interpolate', ['linear'], ['zoom'], 4, 1.6, 10, 3],
					'circle-color': css('map-land'),
					'circle-stroke-color': css('map-city'),
					'circle-stroke-width': 1,
					'circle-opacity': 0.9,
				},
			},
			{
				id: 'city',
				type: 'symbol',
				source: 'cities',
				minzoom: 3,
				filter: ['>=', ['get', 'p'], ['step', ['zoom'], 66, 4, 62, 5, 57, 6, 53, 7, 48, 8, 43]],
				layout: {
					'text-font': font,
					'text-field': ['get', 'n'],
					'text-size': [
						'interpolate',
						['linear'],
						['zoom'],
						4,
						['interpolate', ['linear'], ['get', 'p'], 50, 10, 70, 12.5],
						9,
						['interpolate', ['linear'], ['get', 'p'], 43, 11, 65, 16],
					],
					'text-anchor': 'bottom',
					'text-offset': [0, -0.35],
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
