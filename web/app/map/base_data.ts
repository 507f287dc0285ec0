/** Makes of the base map that ships (build/base_map.ts) what the style draws. Pure; it runs in the map's workers. */
import * as topojson from 'topojson-client';
import type { Feature, FeatureCollection, MultiLineString, MultiPolygon, Point, Polygon, Position } from 'geojson';
import type { GeometryCollection, Topology } from 'topojson-specification';

export type Countries = Topology<{ countries: GeometryCollection<{ n: string }> }>;

/** Parts of the base map, each a source of the style. */
export const parts = ['land', 'lines', 'names'] as const;
export type Part = (typeof parts)[number];

/**
 * The countries come without a cut at 180 degrees. A line that jumps from one side of the world to the other goes on past
 * 180 instead; the map shows what is beyond on the other side. A ring around a pole is closed along it.
 */
export function unwrap(line: Position[]): Position[] {
	let turns = 0;
	let before = line[0]?.[0] ?? 0;
	const flat = line.map(([x = 0, y = 0]) => {
		if (x - before > 180) turns--;
		else if (before - x > 180) turns++;
		before = x;
		return [x + turns * 360, y];
	});
	const first = flat[0];
	const last = flat.at(-1);
	if (turns !== 0 && first !== undefined && last !== undefined && line[0]?.[0] === line.at(-1)?.[0]) {
		const pole = (first[1] ?? 0) < 0 ? -90 : 90;
		flat.push([last[0] ?? 0, pole], [first[0] ?? 0, pole], first);
	}
	return flat;
}

function unwrapped(country: Feature<Polygon | MultiPolygon, { n: string }>): Feature<MultiPolygon, { n: string }> {
	const { geometry } = country;
	const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
	return { ...country, geometry: { type: 'MultiPolygon', coordinates: polygons.map((rings) => rings.map(unwrap)) } };
}

/** Area and centre of a ring, in degrees as if they were a plane. */
function ringCentre(ring: Position[]): { area: number; at: Position } {
	let area = 0;
	let x = 0;
	let y = 0;
	for (let i = 0; i + 1 < ring.length; i++) {
		const [ax = 0, ay = 0] = ring[i] ?? [];
		const [bx = 0, by = 0] = ring[i + 1] ?? [];
		const cross = ax * by - bx * ay;
		area += cross / 2;
		x += (ax + bx) * cross;
		y += (ay + by) * cross;
	}
	return area === 0 ? { area, at: ring[0] ?? [0, 0] } : { area: Math.abs(area), at: [x / (6 * area), y / (6 * area)] };
}

function nameOf(country: Feature<MultiPolygon, { n: string }>): Feature<Point> {
	let best = { area: 0, at: [0, 0] as Position };
	for (const polygon of country.geometry.coordinates) {
		const outer = polygon[0];
		if (outer === undefined) continue;
		const centre = ringCentre(outer);
		if (centre.area > best.area) best = centre;
	}
	return {
		type: 'Feature',
		properties: { n: country.properties.n, area: best.area },
		geometry: { type: 'Point', coordinates: best.at },
	};
}

/** `names`: where the names of countries stand; `area` in square degrees. */
export function unpack(topology: Countries, part: Part): FeatureCollection {
	const object = topology.objects.countries;
	if (part === 'lines') {
		const line = (kind: string, keep: (a: unknown, b: unknown) => boolean): Feature<MultiLineString> => ({
			type: 'Feature',
			properties: { kind },
			geometry: { type: 'MultiLineString', coordinates: topojson.mesh(topology, object, keep).coordinates.map(unwrap) },
		});
		return {
			type: 'FeatureCollection',
			features: [line('coast', (a, b) => a === b), line('border', (a, b) => a !== b)],
		};
	}
	const whole = topojson.feature(topology, object) as FeatureCollection<Polygon | MultiPolygon, { n: string }>;
	const land = whole.features.map(unwrapped);
	return { type: 'FeatureCollection', features: part === 'land' ? land : land.map(nameOf) };
}
