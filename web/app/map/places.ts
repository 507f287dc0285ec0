/** Where something is, in words: "12 km NW of Kaunas", from the cities that ship. */
import { cities as address } from 'virtual:base-map';

export interface Cities {
	names: string[];
	longitude: Float32Array;
	latitude: Float32Array;
	/** 10 log10 of the inhabitants. */
	size: Uint8Array;
}

export interface Place {
	city: string;
	/** Kilometres from its centre. */
	distance: number;
	/** From the city: n, ne, e, se, s, sw, w, nw; null: in it. */
	direction: Direction | null;
}

export const directions = ['n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw'] as const;
export type Direction = (typeof directions)[number];

const KM_A_DEGREE = 111.32;

let loading: Promise<Cities> | null = null;

export function loadCities(): Promise<Cities> {
	loading ??= load().catch((error: unknown) => {
		loading = null;
		throw error;
	});
	return loading;
}

async function load(): Promise<Cities> {
	const response = await fetch(address);
	if (!response.ok) throw new Error(`the list of cities: the server said ${response.status}`);
	const packed = (await response.json()) as { n: string; x: number[]; y: number[]; p: number[] };
	const sum = (steps: number[]) => {
		let at = 0;
		return Float32Array.from(steps, (step) => (at += step) / 200);
	};
	return {
		names: packed.n.split('\n'),
		longitude: sum(packed.x),
		latitude: sum(packed.y),
		size: Uint8Array.from(packed.p),
	};
}

/** Radius in km of what one would still call "in" the city. */
function radius(size: number): number {
	return Math.min(14, 1.5 * 10 ** ((size - 43) / 25));
}

/** Steps of about half a kilometre, in which a place keeps its words. */
const STEPS = 200;
const MOST_KEPT = 5000;
const kept = new Map<number, Place | null>();

/** As placeOf, for rows that are drawn each second. */
export function placeNear(cities: Cities, latitude: number, longitude: number): Place | null {
	const key = Math.round(latitude * STEPS) * 1e6 + Math.round(longitude * STEPS);
	const known = kept.get(key);
	if (known !== undefined) return known;
	if (kept.size >= MOST_KEPT) kept.clear();
	const place = placeOf(cities, latitude, longitude);
	kept.set(key, place);
	return place;
}

/** The city that one would name: near, and the bigger the farther it counts. Null: none within 300 km. */
export function placeOf(cities: Cities, latitude: number, longitude: number): Place | null {
	let best = -1;
	let bestScore = Infinity;
	const narrow = Math.cos((latitude * Math.PI) / 180);
	for (let i = 0; i < cities.names.length; i++) {
		const dy = ((cities.latitude[i] ?? 0) - latitude) * KM_A_DEGREE;
		if (dy > 300 || dy < -300) continue;
		let dLon = (cities.longitude[i] ?? 0) - longitude;
		if (dLon > 180) dLon -= 360;
		if (dLon < -180) dLon += 360;
		const dx = dLon * narrow * KM_A_DEGREE;
		const distance = Math.hypot(dx, dy);
		if (distance > 300) continue;
		const score = distance / (1 + ((cities.size[i] ?? 43) - 43) / 14);
		if (score < bestScore) {
			bestScore = score;
			best = i;
		}
	}
	if (best < 0) return null;
	const dy = latitude - (cities.latitude[best] ?? 0);
	const dx = (longitude - (cities.longitude[best] ?? 0)) * narrow;
	const distance = Math.hypot(dx, dy) * KM_A_DEGREE;
	const turn = Math.round((Math.atan2(dx, dy) / (2 * Math.PI)) * 8);
	const direction = distance <= radius(cities.size[best] ?? 43) ? null : (directions[(turn + 8) % 8] ?? null);
	return { city: cities.names[best] ?? '', distance, direction };
}
