/** What map and list show by the filter of the address: from what the page holds, or, of a large fleet, by the server. */
import { useEffect, useMemo } from 'react';
import type { DeviceFilter, Group } from '../../api/queries.ts';
import { useFleetVersion, useLive } from '../../live/context.tsx';
import { applyFilter, isPossible, sortNumbers, type Sort } from '../../live/filter.ts';
import type { Live, ViewFilter } from '../../live/socket.ts';
import { statesOf, type FleetSearch } from '../../router.tsx';
import { states } from '../../../shared/state.ts';

/** Longer searches are refused. */
const MOST_LETTERS = 100;

export interface ShownFleet {
	/** Devices of this page that pass the filter. */
	numbers: Uint32Array;
	/** The same in the order of the list; nothing where the server lists. */
	sorted: Uint32Array;
	/** In each state, by the filter without its states. */
	counts: number[];
	/** How many pass the filter. */
	matched: number;
	/** How many there are. */
	total: number;
	/** The fleet is too large for this page. */
	tooMany: boolean;
	/** The address asks for what can't be: nothing is filtered by it. */
	impossible: boolean;
	/** Nothing has come yet. */
	waiting: boolean;
	/** As the server takes it. */
	filter: DeviceFilter;
}

export function isFiltered(search: FleetSearch): boolean {
	const { q, state, group, model, silent } = search;
	return [q, state, group, model, silent].some((part) => part !== undefined);
}

/** A group and all below it. */
export function within(groups: readonly Group[], id: string): Set<string> {
	const found = new Set([id]);
	for (let before = 0; before !== found.size; ) {
		before = found.size;
		for (const g of groups) if (g.parent !== null && found.has(g.parent)) found.add(g.id);
	}
	return found;
}

/** Undefined: it lets everything through. */
function viewFilter(search: FleetSearch): ViewFilter | undefined {
	if (!isFiltered(search) || !isPossible(search)) return undefined;
	const chosen = statesOf(search);
	return {
		...(search.q === undefined ? {} : { q: search.q.slice(0, MOST_LETTERS) }),
		...(chosen.length === 0 ? {} : { states: chosen }),
		...(search.group === undefined ? {} : { group: search.group }),
		...(search.model === undefined ? {} : { model: search.model }),
		...(search.silent === undefined ? {} : { silentForS: search.silent }),
	};
}

/** How many of these are in the chosen states. */
function matchedOf(counts: readonly number[], search: FleetSearch): number {
	const chosen = statesOf(search);
	return counts.reduce((sum, n, i) => {
		const state = states[i];
		return chosen.length === 0 || (state !== undefined && chosen.includes(state)) ? sum + n : sum;
	}, 0);
}

function useFiltered(live: Live, version: number, search: FleetSearch, groups: readonly Group[]) {
	const chosenGroups = useMemo(
		() => (search.group === undefined ? null : within(groups, search.group)),
		[groups, search.group],
	);
	return useMemo(
		() =>
			applyFilter(
				live.fleet,
				live.names,
				{
					q: search.q ?? '',
					states: statesOf(search),
					groups: chosenGroups,
					model: search.model ?? null,
					silentForS: search.silent ?? null,
				},
				live.now(),
			),
		// eslint-disable-next-line react-hooks/exhaustive-deps -- `version` stands for the fleet, which changes in place
		[version, live, search.q, search.state, search.model, search.silent, chosenGroups],
	);
}

const nothing = new Uint32Array(0);

export function useShown(search: FleetSearch, groups: readonly Group[]): ShownFleet {
	const live = useLive();
	const version = useFleetVersion();
	const shown = useFiltered(live, version, search, groups);
	const { overview } = live;
	const sort: Sort = search.sort ?? 'state';
	const sorted = useMemo(
		() => (overview === null ? sortNumbers(live.fleet, live.names, shown.numbers, sort) : nothing),
		[live, shown, sort, overview],
	);
	const filter = viewFilter(search);
	useEffect(() => live.setFilter(filter));
	const counts = overview === null ? shown.counts : overview.counts;
	return {
		numbers: shown.numbers,
		sorted,
		counts,
		matched: overview === null ? sorted.length : matchedOf(counts, search),
		total: overview === null ? shown.total : overview.devices,
		tooMany: overview !== null,
		impossible: !isPossible(search),
		waiting: overview === null && !live.fleet.complete && live.fleet.size === 0,
		filter: {
			q: filter?.q,
			state: filter?.states?.join(','),
			group: filter?.group,
			model: filter?.model,
			silentForS: filter?.silentForS,
		},
	};
}
