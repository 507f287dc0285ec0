/**
 * The style of vector tiles that an installation brings along, in our colours. It knows the layers of the two common
 * schemas, Protomaps and OpenMapTiles; what tiles don't have is not drawn. Names are drawn with the fonts of the page.
 */
import type { ExpressionSpecification, LayerSpecification } from 'maplibre-gl';
import type { Palette } from './palette.ts';

const font = ['IBM Plex Sans Variable'];

/** What a road is: `kind` by Protomaps, `class` by OpenMapTiles. */
const kind: ExpressionSpecification = ['coalesce', ['get', 'kind'], ['get', 'class'], ''];
const isOneOf = (...kinds: string[]): ExpressionSpecification => ['in', kind, ['literal', kinds]];
const name: ExpressionSpecification = ['coalesce', ['get', 'name'], ['get', 'name:en'], ''];

/** Names of the source's layers, by what they hold. */
const layers = {
	land: ['earth'],
	green: ['landcover', 'park', 'landuse'],
	water: ['water'],
	roads: ['roads', 'transportation'],
	buildings: ['buildings', 'building'],
	borders: ['boundaries', 'boundary'],
	places: ['places', 'place'],
	streets: ['roads', 'transportation_name'],
} as const;

/** Those that are there decide whether land or water is painted first: only Protomaps has land. */
export function streetLayers(source: string, there: ReadonlySet<string>, palette: Palette): LayerSpecification[] {
	const { css } = palette;
	const of = (what: keyof typeof layers, make: (id: string, sourceLayer: string) => LayerSpecification[]) =>
		layers[what].filter((l) => there.has(l)).flatMap((l) => make(`street-${what}-${l}`, l));
	const hasLand = there.has('earth');
	return [
		{
			id: 'street-ground',
			type: 'background',
			paint: { 'background-color': css(hasLand ? 'map-water' : 'map-land') },
		},
		...of('land', (id, l) => [
			{ id, type: 'fill', source, 'source-layer': l, paint: { 'fill-color': css('map-land') } },
		]),
		...of('green', (id, l) => [
			{
				id,
				type: 'fill',
				source,
				'source-layer': l,
				filter: isOneOf('forest', 'wood', 'park', 'grass', 'grassland', 'nature_reserve', 'national_park', 'cemetery'),
				paint: { 'fill-color': css('map-green') },
			},
		]),
		...of('water', (id, l) => [
			{
				id,
				type: 'fill',
				source,
				'source-layer': l,
				filter: ['==', ['geometry-type'], 'Polygon'],
				paint: { 'fill-color': css('map-water') },
			},
		]),
		...of('buildings', (id, l) => [
			{ id, type: 'fill', source, 'source-layer': l, minzoom: 14, paint: { 'fill-color': css('map-building') } },
		]),
		...of('roads', (id, l) => roads(id, source, l, palette)),
		...of('borders', (id, l) => [
			{
				id,
				type: 'line',
				source,
				'source-layer': l,
				paint: { 'line-color': css('map-border'), 'line-dasharray': [3, 2] },
			},
		]),
		...of('streets', (id, l) => [
			{
				id: `${id}-name`,
				type: 'symbol',
				source,
				'source-layer': l,
				minzoom: 13,
				filter: ['!=', name, ''],
				layout: { 'symbol-placement': 'line', 'text-font': font, 'text-field': name, 'text-size': 11 },
				paint: { 'text-color': css('map-city'), 'text-halo-color': css('map-halo'), 'text-halo-width': 1.2 },
			},
		]),
		...of('places', (id, l) => [
			{
				id,
				type: 'symbol',
				source,
				'source-layer': l,
				layout: {
					'text-font': font,
					'text-field': name,
					'text-size': ['interpolate', ['linear'], ['zoom'], 4, 11, 12, 15],
					'text-max-width': 8,
					'text-padding': 6,
				},
				paint: { 'text-color': css('map-city'), 'text-halo-color': css('map-halo'), 'text-halo-width': 1.2 },
			},
		]),
	];
}

function roads(id: string, source: string, sourceLayer: string, palette: Palette): LayerSpecification[] {
	const { css } = palette;
	const road = (
		suffix: string,
		minzoom: number,
		filter: ExpressionSpecification,
		width: [far: number, near: number],
	): LayerSpecification[] => {
		const wide = (more: number): ExpressionSpecification => [
			'interpolate',
			['exponential', 1.5],
			['zoom'],
			minzoom,
			width[0] + more,
			18,
			width[1] + more,
		];
		const layout = { 'line-cap': 'round', 'line-join': 'round' } as const;
		const common = { type: 'line', source, 'source-layer': sourceLayer, minzoom, filter, layout } as const;
		return [
			{ id: `${id}-${suffix}-edge`, ...common, paint: { 'line-color': css('map-road-edge'), 'line-width': wide(1.4) } },
			{ id: `${id}-${suffix}`, ...common, paint: { 'line-color': css('map-road'), 'line-width': wide(0) } },
		];
	};
	return [
		...road('small', 12, isOneOf('minor_road', 'minor', 'service', 'tertiary'), [0.5, 12]),
		...road('main', 8, isOneOf('major_road', 'primary', 'secondary', 'trunk'), [0.6, 18]),
		...road('motorway', 5, isOneOf('highway', 'motorway'), [0.8, 22]),
	];
}
