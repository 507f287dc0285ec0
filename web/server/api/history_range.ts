/** The time that a history is asked for: from, to, and how long it may be. */
import { DAY_MS, MOST_DAYS } from '../../shared/history.ts';
import type { App } from '../context.ts';
import type { Range } from '../history/describe.ts';
import type { Context } from '../http/route.ts';
import { unfit } from '../problem.ts';

const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: DAY_MS };

function momentOf(text: string, now: number): number {
	const [, count, unit] = /^now(?:-([0-9]+)([mhd]))?$/.exec(text) ?? [];
	if (text.startsWith('now')) return now - Number(count ?? 0) * (UNITS[unit ?? 'm'] ?? 0);
	return Date.parse(text);
}

export function rangeOf(app: App, query: { from: string; to?: string | undefined }, mostDays = MOST_DAYS): Range {
	const now = app.fleet.now();
	const from = momentOf(query.from, now);
	const to = query.to === undefined ? now : momentOf(query.to, now);
	if (from >= to) throw unfit('from', query.to === undefined ? 'it is not in the past' : 'it is not before to');
	if (to - from > mostDays * DAY_MS) throw unfit('from', `the time is too long: at most ${mostDays} days`);
	return { from, to };
}

/** The device of a route that is about one. */
export function deviceOf({ app, place }: Pick<Context, 'app' | 'place'>) {
	const device = app.fleet.columns.inventory[place];
	if (!device) throw new Error('a place without a device');
	return device;
}

export const isoMs = (ms: number): string => new Date(ms).toISOString();
