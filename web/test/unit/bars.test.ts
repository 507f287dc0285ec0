// Sessions in time: each is seen, also the one that has just begun, and none is drawn outside.
import { expect, test } from 'vitest';
import { barOf } from '../../app/screens/silent/bars.ts';

const DAY = 86_400_000;
const now = Date.parse('2027-01-15T08:00:00Z');
const from = now - 7 * DAY;
const at = (ago: number) => new Date(now - ago).toISOString();

test.each([
	['open for a minute', { from: at(60_000), to: null }],
	['open for weeks', { from: at(30 * DAY), to: null }],
	['over in a second', { from: at(2000), to: at(1000) }],
	['over in a second a week ago', { from: at(7 * DAY + 1000), to: at(7 * DAY) }],
	['begun by a clock that is ahead', { from: at(-60_000), to: null }],
])('%s: it is inside, and can be seen', (_, span) => {
	const bar = barOf(span, from, now, 700);
	expect(bar.x).toBeGreaterThanOrEqual(0);
	expect(bar.width).toBeGreaterThan(1);
	expect(bar.x + bar.width).toBeLessThanOrEqual(700);
});

test('one of half the time is half as wide', () => {
	const bar = barOf({ from: at(7 * DAY), to: at(3.5 * DAY) }, from, now, 700);
	expect(bar.x).toBe(0);
	expect(bar.width).toBeCloseTo(349.4, 6);
});
