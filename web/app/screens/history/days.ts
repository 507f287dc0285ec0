/** Days and weeks of the reader's own zone, and how addresses name them. Pure, but for the zone. */
import type { Range } from '../../api/history.ts';
import { addDays, dayOf, midnight, type Day } from '../../i18n/zone.ts';

const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function rangeOfDays(first: Day, days: number): Range {
	return { from: midnight(first), to: midnight(addDays(first, days)) };
}

export interface Shown extends Range {
	/** Whole days, if it is that. */
	first: Day;
	days: number | null;
}

const MOST_MS = 32 * 86_400_000;

/** What an address asks for; today, if it says nothing that can be shown. */
export function shownOf(from: string | undefined, to: string | undefined, now: number): Shown {
	const parse = (text: string | undefined) =>
		text === undefined ? NaN : DAY.test(text) ? midnight(text) : Date.parse(text);
	const a = parse(from);
	// A day as the end is meant with that day.
	const b = to !== undefined && DAY.test(to) ? midnight(addDays(to, 1)) : parse(to);
	if (Number.isNaN(a)) return today(now);
	const end = Number.isNaN(b) ? midnight(addDays(dayOf(a), 1)) : b;
	if (end <= a || end - a > MOST_MS) return { ...rangeOfDays(dayOf(a), 1), first: dayOf(a), days: 1 };
	const whole = midnight(dayOf(a)) === a && midnight(dayOf(end)) === end;
	return { from: a, to: end, first: dayOf(a), days: whole ? Math.round((end - a) / 86_400_000) : null };
}

export function today(now: number): Shown {
	return { ...rangeOfDays(dayOf(now), 1), first: dayOf(now), days: 1 };
}

/** From Monday, up to today if it is this week. */
export function weekOf(day: Day): { first: Day; last: Day } {
	const weekday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
	const first = addDays(day, -weekday);
	return { first, last: addDays(first, 6) };
}
