/** What a history consists of, in order: trips, stops, gaps, events. Pure. */
import type { Gap, History, Stop, Trip } from '../../api/history.ts';
import type { DeviceEvent } from '../../api/queries.ts';

export type Item = { key: string; from: number; to: number } & (
	| { kind: 'trip'; is: Trip }
	| { kind: 'stop'; is: Stop; number: number }
	| { kind: 'gap'; is: Gap }
	| { kind: 'event'; is: DeviceEvent; times: number }
);

/** Of one kind, following each other within this: said once, with their number. */
const SAME_MS = 5 * 60_000;

/** The first of each row of events that are the same, and how many they are. */
export function joinedEvents(events: readonly DeviceEvent[]): { is: DeviceEvent; times: number; last: number }[] {
	const found: { is: DeviceEvent; times: number; last: number }[] = [];
	for (const is of events) {
		const at = Date.parse(is.at);
		const before = found.at(-1);
		if (before?.is.kind === is.kind && at - before.last <= SAME_MS) {
			before.times++;
			before.last = at;
		} else found.push({ is, times: 1, last: at });
	}
	return found;
}

/** In order of time; events stand within what they happened in. */
export function itemsOf(history: History, events: readonly DeviceEvent[]): Item[] {
	const ends = (p: { from: string; to: string }) => ({ from: Date.parse(p.from), to: Date.parse(p.to) });
	const order = { gap: 0, stop: 1, trip: 1, event: 2 };
	const items: Item[] = [
		...history.trips.map((is) => ({ kind: 'trip' as const, key: `trip ${is.from}`, is, ...ends(is) })),
		...history.stops.map((is, at) => ({
			kind: 'stop' as const,
			key: `stop ${is.from}`,
			is,
			number: at + 1,
			...ends(is),
		})),
		...history.gaps.map((is) => ({ kind: 'gap' as const, key: `gap ${is.from}`, is, ...ends(is) })),
		...joinedEvents(events).map(({ is, times, last }, at) => ({
			kind: 'event' as const,
			key: `event ${at} ${is.at}`,
			is,
			times,
			from: Date.parse(is.at),
			to: last,
		})),
	];
	return items.sort((a, b) => a.from - b.from || order[a.kind] - order[b.kind]);
}
