// Trips, stops and gaps: each rule of history/pieces.ts, and what is said of what they find.
import { describe, expect, it } from 'vitest';
import { describe as say } from '../../server/history/describe.ts';
import { GAP_MS, movingOf, piecesOf, STOP_MS } from '../../server/history/pieces.ts';
import { Flag, recordsOf, type OneRecord } from '../../server/history/records.ts';

const T = Date.UTC(2026, 0, 15);
const MINUTE = 60_000;
const METRE = 1 / 111_195;

type Part = Partial<OneRecord> & { at: number; metres?: number };

/** `at` is minutes; `metres` north of the start. A fix is valid unless flags say otherwise. */
function records(...parts: Part[]) {
	return recordsOf(
		parts.map(({ at, metres = 0, ...more }) => ({
			time: T + at * MINUTE,
			latitude: 50 + metres * METRE,
			longitude: 20,
			speed: 0,
			flags: Flag.valid,
			...more,
		})),
	);
}

/** kind from-to, in minutes. */
function said(...parts: Part[]): string[] {
	return piecesOf(records(...parts)).map((p) => `${p.kind} ${(p.from - T) / MINUTE}-${(p.to - T) / MINUTE}`);
}

const fast = { speed: 60 };
const noFix = { flags: 0 };

describe('a record moves', () => {
	it.each([
		['at 5 km/h', { speed: 5 }, 1],
		['not at 4 km/h', { speed: 4 }, 0],
		[
			'not at 4 km/h, whatever the movement element says',
			{ speed: 4, flags: Flag.valid | Flag.movementKnown | Flag.movementOn },
			0,
		],
		['without a fix by the movement element', { flags: Flag.movementKnown | Flag.movementOn }, 1],
		['without a fix not, if that says so', { speed: 60, flags: Flag.movementKnown }, 0],
		['not without a fix and with ignition off', { flags: Flag.ignitionKnown }, 0],
		['without all that not, if nothing was before', { flags: 0 }, 0],
	])('%s', (_, part, want) => {
		expect([...movingOf(records({ at: 0, ...part }))]).toEqual([want]);
	});
	it('without all that does what it did before', () => {
		const on = Flag.ignitionKnown | Flag.ignitionOn;
		expect([...movingOf(records({ at: 0, ...fast }, { at: 1, ...noFix }, { at: 2, flags: on }))]).toEqual([1, 1, 1]);
		expect([...movingOf(records({ at: 0, ...fast }, { at: 1, flags: Flag.ignitionKnown }))]).toEqual([1, 0]);
	});
});

describe('pieces', () => {
	it('of nothing are none, of one record a stop without length', () => {
		expect(said()).toEqual([]);
		expect(said({ at: 0 })).toEqual(['stop 0-0']);
	});
	it('follow each other without a hole', () => {
		expect(
			said(
				{ at: 0 },
				{ at: 5, ...fast },
				{ at: 6, ...fast, metres: 1000 },
				{ at: 7, metres: 2000 },
				{ at: 11, metres: 2000 },
			),
		).toEqual(['stop 0-5', 'trip 5-7', 'stop 7-11']);
	});
	it('a stop of three minutes parts two trips, a shorter one none', () => {
		const around = (minutes: number): Part[] => [
			{ at: 0, ...fast },
			{ at: 5, metres: 5000 },
			{ at: 5 + minutes, ...fast, metres: 5000 },
			{ at: 9 + minutes, ...fast, metres: 9000 },
		];
		const three = STOP_MS / MINUTE;
		expect(said(...around(three))).toEqual([`trip 0-5`, `stop 5-${5 + three}`, `trip ${5 + three}-${9 + three}`]);
		expect(said(...around(three - 0.1))).toEqual([`trip 0-${9 + three - 0.1}`]);
	});
	it('a short stand at either end belongs to the trip', () => {
		expect(said({ at: 0 }, { at: 1, ...fast }, { at: 2, metres: 1000 }, { at: 3, metres: 1000 })).toEqual(['trip 0-3']);
	});
	it('a trip that stays where it began is none', () => {
		expect(said({ at: 0 }, { at: 5, speed: 6 }, { at: 6, metres: 60 }, { at: 10 })).toEqual(['stop 0-10']);
		expect(said({ at: 0 }, { at: 5, speed: 6 }, { at: 6, speed: 6, metres: 120 }, { at: 7 }, { at: 11 })).toEqual([
			'stop 0-5',
			'trip 5-7',
			'stop 7-11',
		]);
	});
	it('a trip that begins where no place is known counts', () => {
		const on = Flag.movementKnown | Flag.movementOn;
		expect(said({ at: 0, flags: on }, { at: 1, flags: on }, { at: 2, metres: 10, ...fast })).toEqual(['trip 0-2']);
		expect(said({ at: 0, flags: on }, { at: 1, flags: on })).toEqual(['stop 0-1']);
	});
	it('a pause while it moves is a gap', () => {
		const gap = GAP_MS / MINUTE;
		const around = (minutes: number): Part[] => [
			{ at: 0, ...fast },
			{ at: 1, ...fast, metres: 1000 },
			{ at: 1 + minutes, ...fast, metres: 5000 },
			{ at: 2 + minutes, ...fast, metres: 6000 },
		];
		expect(said(...around(gap))).toEqual([`trip 0-${gap + 2}`]);
		expect(said(...around(gap + 1))).toEqual(['trip 0-1', `gap 1-${gap + 2}`, `trip ${gap + 2}-${gap + 3}`]);
	});
	it('a pause while it stands is none, if it stands or leaves where it was', () => {
		expect(said({ at: 0 }, { at: 600, metres: 100 })).toEqual(['stop 0-600']);
		expect(said({ at: 0 }, { at: 600, ...fast, metres: 100 }, { at: 601, ...fast, metres: 1000 })).toEqual([
			'stop 0-600',
			'trip 600-601',
		]);
		expect(said({ at: 0 }, { at: 600, ...noFix })).toEqual(['stop 0-600']);
	});
	it('a pause while it stands is a gap, if it is found elsewhere', () => {
		expect(said({ at: 0 }, { at: 600, metres: 400 })).toEqual(['stop 0-0', 'gap 0-600', 'stop 600-600']);
		// The last place counts, also where the newest record had none.
		expect(said({ at: 0 }, { at: 1, ...noFix }, { at: 600, metres: 400 })).toEqual([
			'stop 0-1',
			'gap 1-600',
			'stop 600-600',
		]);
	});
});

describe('what is said', () => {
	const day = { from: T, to: T + 1440 * MINUTE };
	const about = (range: { from: number; to: number }, ...parts: Part[]) => {
		const all = records(...parts);
		return say(all, piecesOf(all), range);
	};
	const trip: Part[] = [
		{ at: 0 },
		{ at: 10, ...fast },
		{ at: 11, speed: 90, metres: 1000 },
		{ at: 12, ...fast, metres: 2500 },
		{ at: 13, metres: 3500 },
		{ at: 20, metres: 3500 },
	];
	it('how far, how fast, from where to where', () => {
		const { trips, stops } = about(day, ...trip);
		expect(trips).toHaveLength(1);
		expect(trips[0]).toMatchObject({
			distanceM: 3500,
			maxSpeed: 90,
			meanSpeed: 70,
			records: 3,
			beginsBefore: false,
			endsAfter: false,
		});
		expect(trips[0]?.start?.latitude).toBeCloseTo(50, 9);
		expect(trips[0]?.end?.latitude).toBeCloseTo(50 + 3500 * METRE, 9);
		expect(stops.map((s) => [s.beginsBefore, s.endsAfter])).toEqual([
			[false, false],
			[false, true],
		]);
	});
	it('what lies outside the range is cut off, and said to', () => {
		const half = about({ from: T + 11 * MINUTE, to: T + 12.5 * MINUTE }, ...trip);
		expect(half.stops).toEqual([]);
		expect(half.trips[0]).toMatchObject({
			from: T + 11 * MINUTE,
			to: T + 12.5 * MINUTE,
			beginsBefore: true,
			endsAfter: true,
			records: 2,
		});
		// The way to the first record of the range belongs to the range.
		expect(half.trips[0]?.distanceM).toBe(2500);
		expect(about({ from: T + 30 * MINUTE, to: T + 40 * MINUTE }, ...trip)).toEqual({ trips: [], stops: [], gaps: [] });
		// A stop that ends with the record that the range begins with is not in it.
		expect(about({ from: T + 10 * MINUTE, to: T + 12 * MINUTE }, ...trip).stops).toEqual([]);
		// A lone record has no length, and is there.
		expect(about(day, { at: 0 }).stops).toHaveLength(1);
	});
	it('a wrong fix adds no way', () => {
		const { trips } = about(day, ...trip.slice(0, 2), { at: 10.5, ...fast, metres: 900_000 }, ...trip.slice(2));
		expect(trips[0]?.distanceM).toBe(2500);
		// A step of less than 50 m in no time is no wrong fix.
		expect(
			about(day, { at: 0, ...fast }, { at: 0, ...fast, metres: 40 }, { at: 1, ...fast, metres: 1040 }).trips[0]
				?.distanceM,
		).toBe(1040);
	});
	it('a trip without a place has none, and no length in time no mean', () => {
		const on = Flag.movementKnown | Flag.movementOn;
		const all = records({ at: 0, flags: on }, { at: 5, flags: on });
		const found = say(all, [{ kind: 'trip', first: 0, last: 1, from: T, to: T }], day);
		expect(found.trips[0]).toMatchObject({ start: null, end: null, distanceM: 0, meanSpeed: 0 });
	});
	it('a stop is in the middle of its fixes, and says how long ignition was on', () => {
		const on = Flag.valid | Flag.ignitionKnown | Flag.ignitionOn;
		const off = Flag.valid | Flag.ignitionKnown;
		const { stops } = about(
			day,
			{ at: 0, flags: on },
			{ at: 4, flags: on, metres: 20 },
			{ at: 6, flags: off, metres: 40 },
			{ at: 8, flags: 0 },
			{ at: 10, flags: on, metres: 20 },
		);
		expect(stops[0]?.place?.latitude).toBeCloseTo(50 + 20 * METRE, 5);
		expect(stops[0]?.idle).toBe(6 * MINUTE);
		expect(about(day, { at: 0 }, { at: 5 }).stops[0]?.idle).toBeNull();
		expect(about(day, { at: 0, ...noFix }, { at: 5, ...noFix }).stops[0]?.place).toBeNull();
		// Only what lies within the range.
		const part = { from: T + 1 * MINUTE, to: T + 3 * MINUTE };
		expect(about(part, { at: 0, flags: on }, { at: 4, flags: on }).stops[0]?.idle).toBe(2 * MINUTE);
	});
	it.each([
		[179.9998, -179.9998],
		[-179.9998, 179.9998],
	])('a stop on the 180th meridian stays there (%f, %f)', (first, second) => {
		const { stops } = about(day, { at: 0, longitude: first }, { at: 5, longitude: second });
		expect(Math.abs(stops[0]?.place?.longitude ?? 0)).toBeCloseTo(180, 5);
	});
	it('a gap is as long as the crow flies, if both ends are known', () => {
		expect(about(day, { at: 0, ...fast }, { at: 60, metres: 5000 }).gaps[0]).toMatchObject({ distanceM: 5000 });
		const on = Flag.movementKnown | Flag.movementOn;
		expect(about(day, { at: 0, flags: on }, { at: 60, metres: 5000 }).gaps[0]).toMatchObject({ distanceM: null });
		expect(about(day, { at: 0, ...fast }, { at: 60, flags: 0 }).gaps[0]).toMatchObject({ distanceM: null });
	});
});
