/** Looking back through arrivals in windows: pages are whole, in order, and a question ends in time. */
import { describe, expect, it } from 'vitest';
import { walkBack, type Walked } from '../../server/api/event_walk.ts';

const HOUR = 3_600_000;
const NOW = 1000 * HOUR;

/** Arrivals, the newest first; each question takes so many milliseconds for an hour of its window. */
function table(arrivals: number[], msPerHour: number) {
	let clock = 0;
	const asked: [number, number | null][] = [];
	const ask = (from: number, to: number | null, limit: number) => {
		asked.push([from, to]);
		clock += (((to ?? NOW) - from) / HOUR) * msPerHour;
		return Promise.resolve(arrivals.filter((a) => a >= from && (to === null || a < to)).slice(0, limit));
	};
	return { ask, asked, clock: () => clock };
}

describe('walkBack', () => {
	it('stops where the page is full', async () => {
		const { ask, asked, clock } = table([NOW, NOW - 1, NOW - 2, NOW - 3], 1);
		const walked = await walkBack(ask, { from: 0, to: null, now: NOW }, 3, clock);
		expect(walked).toMatchObject({ rows: [NOW, NOW - 1, NOW - 2], full: true });
		expect(asked).toHaveLength(1);
	});

	it('does not look for arrivals in time to come', async () => {
		const { ask, asked, clock } = table([NOW - 1], 1000);
		const walked = await walkBack(ask, { from: 0, to: NOW + 10_000 * HOUR, now: NOW }, 3, clock);
		expect(walked.rows).toEqual([NOW - 1]);
		expect(asked).toEqual([[NOW - HOUR, NOW + 10_000 * HOUR]]);
	});

	it('goes to the end by few questions where they are fast, without a gap or a row twice', async () => {
		const arrivals = Array.from({ length: 900 }, (_, i) => NOW - i * HOUR - 1);
		const { ask, asked, clock } = table(arrivals, 0.01);
		const walked = await walkBack(ask, { from: NOW - 744 * HOUR, to: null, now: NOW }, 5000, clock);
		expect(walked.rows).toEqual(arrivals.slice(0, 744));
		expect(walked).toMatchObject({ full: false, lookedBackTo: NOW - 744 * HOUR });
		expect(asked.length).toBeLessThan(5);
		for (const [i, [, to]] of asked.entries()) if (i > 0) expect(to).toBe(asked[i - 1]?.[0]);
	});

	it('gives up in time, and says how far it has looked', async () => {
		const { ask, clock } = table([NOW - 700 * HOUR], 20);
		const walked = await walkBack(ask, { from: 0, to: null, now: NOW }, 50, clock);
		expect(walked).toMatchObject({ rows: [], full: false });
		expect(walked.lookedBackTo).toBeGreaterThan(NOW - 100 * HOUR);
		expect(clock()).toBeLessThan(1700);
	});

	it('goes on where the last one stopped', async () => {
		const arrivals = [NOW - 10 * HOUR, NOW - 30 * HOUR, NOW - 200 * HOUR];
		const found: number[] = [];
		let to: number | null = null;
		for (let turn = 0; turn < 50 && to !== 0; turn++) {
			const { ask, clock } = table(arrivals, 50);
			const walked: Walked<number> = await walkBack(ask, { from: 0, to, now: NOW }, 2, clock);
			found.push(...walked.rows);
			to = walked.full ? (walked.rows.at(-1) ?? 0) : walked.lookedBackTo;
		}
		expect(found).toEqual(arrivals);
	});
});
