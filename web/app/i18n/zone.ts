/** Days of the user's own time zone. Pure, but for that. */
import { ownNow } from './own.ts';

/** A day as calendars write it: 2026-01-31. */
export type Day = string;

const DAY_MS = 86_400_000;
const clocks = new Map<string | undefined, Intl.DateTimeFormat>();

function clock(): Intl.DateTimeFormat {
	const { timeZone } = ownNow();
	let found = clocks.get(timeZone);
	if (found === undefined) {
		found = new Intl.DateTimeFormat('en', {
			timeZone,
			hourCycle: 'h23',
			year: 'numeric',
			month: 'numeric',
			day: 'numeric',
			hour: 'numeric',
			minute: 'numeric',
			second: 'numeric',
		});
		clocks.set(timeZone, found);
	}
	return found;
}

/** What the clock on the wall shows, as if it were UTC. */
function wall(ms: number): number {
	const of = new Map(
		clock()
			.formatToParts(ms)
			.map((p) => [p.type, Number(p.value)]),
	);
	const get = (type: Intl.DateTimeFormatPartTypes) => of.get(type) ?? 0;
	return Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'));
}

export function dayOf(ms: number): Day {
	return new Date(wall(ms)).toISOString().slice(0, 10);
}

/** When the day begins; where that hour is left out, the first moment there is. */
export function midnight(day: Day): number {
	const wanted = Date.parse(`${day}T00:00:00Z`);
	let at = wanted;
	// The offset is that of the moment found, which it moves: twice is enough.
	for (let i = 0; i < 2; i++) at = wanted - (wall(at) - at);
	return dayOf(at) < day ? at + (wanted - wall(at)) : at;
}

/** Days of 23 and 25 hours are days, too. */
export function addDays(day: Day, days: number): Day {
	return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

export function zoneName(): string {
	return clock().resolvedOptions().timeZone;
}
