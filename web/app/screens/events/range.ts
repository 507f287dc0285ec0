/** The time that an address asks for: the last so many seconds, or one day of the reader's own zone. Pure. */
import { addDays, midnight } from '../../i18n/zone.ts';

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** What is asked of the server; nothing: as far back as it goes. */
export function rangeOf(
	search: { last?: number | undefined; day?: string | undefined },
	now: number,
): { from?: string; to?: string } {
	const { day, last } = search;
	if (day !== undefined && isDay(day))
		return { from: new Date(midnight(day)).toISOString(), to: new Date(midnight(addDays(day, 1))).toISOString() };
	return last === undefined ? {} : { from: new Date(now - last * 1000).toISOString() };
}

export function isDay(text: string): boolean {
	return DAY.test(text) && !Number.isNaN(midnight(text));
}
