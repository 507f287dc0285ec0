/** The one filter of map and list: pure, over the columns. */
import { states, type State } from '../../shared/state.ts';
import type { Fleet } from './fleet.ts';
import { wordsOf } from '../../shared/text.ts';
import type { Names } from './names.ts';

export interface FleetFilter {
	q: string;
	/** Empty: all. */
	states: readonly State[];
	/** With those below it; null: all. */
	groups: ReadonlySet<string> | null;
	model: string | null;
	/** Seconds without a sign of life. */
	silentForS: number | null;
}

const SILENT_MOST_S = 1e9;
const MODEL_LETTERS = 100;

/** Can an address ask for this? What the server would refuse is said at once, of a fleet of any size. */
export function isPossible(asked: { group?: string; model?: string; silent?: number }): boolean {
	return (
		(asked.group === undefined || /^[1-9]\d{0,17}$/.test(asked.group)) &&
		(asked.model === undefined || asked.model.length <= MODEL_LETTERS) &&
		(asked.silent === undefined || asked.silent <= SILENT_MOST_S)
	);
}

export interface Shown {
	/** Numbers of those that pass. */
	numbers: Uint32Array;
	/** How many are in each state by the filter without its states: what the legend counts. */
	counts: number[];
	total: number;
}

export function applyFilter(fleet: Fleet, names: Names, filter: FleetFilter, now: number): Shown {
	const words = wordsOf(filter.q);
	const wanted = states.map((s) => filter.states.length === 0 || filter.states.includes(s));
	const counts = states.map(() => 0);
	const numbers = new Uint32Array(fleet.size);
	const silentSince = filter.silentForS === null ? null : now / 1000 - filter.silentForS;
	let found = 0;
	let total = 0;
	for (let i = 0; i < fleet.size; i++) {
		const state = (fleet.flags[i] ?? 7) & 7;
		if (state >= states.length) continue;
		total++;
		if (silentSince !== null) {
			const seen = fleet.lastSeen[i] ?? 0;
			// Never seen is another state than silent, here as for the server.
			if (seen === 0 || seen > silentSince) continue;
		}
		if (filter.groups !== null || filter.model !== null) {
			const who = names.get(i);
			if (who === undefined) continue;
			if (filter.groups !== null && !filter.groups.has(who.group ?? '')) continue;
			if (filter.model !== null && who.model !== filter.model) continue;
		}
		if (words.length > 0 && !names.matches(i, words)) continue;
		counts[state] = (counts[state] ?? 0) + 1;
		if (wanted[state] === true) numbers[found++] = i;
	}
	return { numbers: numbers.subarray(0, found), counts, total };
}

export const sorts = ['name', 'state', 'speed', 'seen', 'silent'] as const;
export type Sort = (typeof sorts)[number];

/** What wants attention first. */
const urgency: readonly number[] = states.map((s) => ['silent', 'nofix', 'moving', 'standing', 'out'].indexOf(s));

/**
 * A sorted copy. What it is sorted by and the place among the names become one number each, so that twenty thousand are
 * sorted in a few milliseconds, with each frame.
 */
export function sortNumbers(fleet: Fleet, names: Names, numbers: Uint32Array, sort: Sort): Uint32Array {
	const { ranks, byRank } = names.order();
	const seen = (i: number) => fleet.lastSeen[i] ?? 0;
	const state = (i: number) => urgency[(fleet.flags[i] ?? 7) & 7] ?? 9;
	/** Seconds since the epoch are below this until the year 2106. */
	const ever = 2 ** 32;
	// Of the silent ones, those that have just fallen silent come first; what doesn't move has no speed.
	const first: Record<Sort, (i: number) => number> = {
		name: () => 0,
		state: (i) => state(i) * ever + (state(i) === 0 ? ever - 1 - seen(i) : 0),
		speed: (i) => (state(i) === 2 ? 255 - (fleet.speed[i] ?? 0) : 256),
		seen: (i) => ever - seen(i),
		silent: seen,
	};
	const key = first[sort];
	// Exact: 10 states x 2^32 is below 2^36, and there are less than 2^17 devices; more share a place by name.
	const places = Math.max(1, byRank.length);
	const keys = Float64Array.from(
		numbers.filter((i) => i < byRank.length),
		(i) => key(i) * places + (ranks[i] ?? 0),
	).sort();
	return Uint32Array.from(keys, (k) => byRank[k % places] ?? 0);
}
