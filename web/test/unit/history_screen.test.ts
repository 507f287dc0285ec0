// What the history screen works out: days and weeks, where a track is at a time, its lines, values at a moment, the list.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { extentOf, indexAt, linesOf, nearest, whereAt } from '../../app/screens/history/along.ts';
import { addDays, dayOf, midnight } from '../../app/i18n/zone.ts';
import { shownOf, weekOf } from '../../app/screens/history/days.ts';
import { Cursor } from '../../app/screens/history/cursor.ts';
import { itemsOf, joinedEvents } from '../../app/screens/history/items.ts';
import { emptyTrack, type Track } from '../../shared/track.ts';

const T = 1_800_000_000_000;

/** time in s, longitude, latitude, speed, gap */
function trackOf(...points: [number, number, number, number?, number?][]): Track {
	const track = emptyTrack(points.length);
	points.forEach(([time, x, y, speed = 0, gap = 0], i) => {
		track.time[i] = T + time * 1000;
		track.longitude[i] = x;
		track.latitude[i] = y;
		track.speed[i] = speed;
		track.gap[i] = gap;
	});
	return track;
}

describe('days', () => {
	const now = new Date(2026, 2, 29, 12).getTime();
	it('an address names a day, days, or times', () => {
		expect(shownOf('2026-03-28', undefined, now)).toEqual({
			from: new Date(2026, 2, 28).getTime(),
			to: new Date(2026, 2, 29).getTime(),
			first: '2026-03-28',
			days: 1,
		});
		expect(shownOf('2026-03-23', '2026-03-29', now)).toMatchObject({ to: new Date(2026, 2, 30).getTime(), days: 7 });
		expect(shownOf('2026-03-23T10:00:00Z', '2026-03-23T11:00:00Z', now).days).toBeNull();
	});
	it('what it can’t mean is today, or the day that it begins with', () => {
		for (const from of [undefined, 'x', '']) expect(shownOf(from, undefined, now).first).toBe('2026-03-29');
		expect(shownOf('2026-03-28', '2026-03-01', now)).toMatchObject({ first: '2026-03-28', days: 1 });
		expect(shownOf('2025-01-01', '2026-03-01', now)).toMatchObject({ first: '2025-01-01', days: 1 });
	});
	it('go over the end of a month, and weeks begin on Monday', () => {
		expect(addDays('2026-02-28', 1)).toBe('2026-03-01');
		expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
		expect(weekOf('2026-03-29')).toEqual({ first: '2026-03-23', last: '2026-03-29' });
		expect(weekOf('2026-03-23').first).toBe('2026-03-23');
		expect(dayOf(midnight('2026-03-29'))).toBe('2026-03-29');
	});
});

describe('where a track is', () => {
	const track = trackOf([0, 20, 50], [100, 21, 50, 60], [200, 21, 51, 90], [5000, 22, 51, 0, 1]);
	it('at and between its points', () => {
		expect(whereAt(track, T - 1)).toBeNull();
		expect(whereAt(emptyTrack(0), T)).toBeNull();
		expect(whereAt(track, T)).toMatchObject({ latitude: 50, longitude: 20, speed: 60 });
		expect(whereAt(track, T)?.heading).toBeCloseTo(90, 9);
		expect(whereAt(track, T + 150_000)).toMatchObject({ latitude: 50.5, longitude: 21, speed: 90, heading: 0 });
	});
	it('in a gap it is where it was last seen, and no speed is known', () => {
		expect(whereAt(track, T + 1000_000)).toEqual({ latitude: 51, longitude: 21, speed: null, heading: null });
	});
	it('after its end it stands', () => {
		expect(whereAt(track, T + 1e9)).toEqual({ latitude: 51, longitude: 22, speed: 0, heading: null });
	});
	it('two points at one place and time are no way', () => {
		expect(whereAt(trackOf([0, 20, 50], [0, 20, 50], [10, 20, 50]), T)).toMatchObject({ heading: null });
	});
	it('by the nearest piece of line, within reach', () => {
		const flat = (x: number, y: number): [number, number] => [x * 100, y * 100];
		expect(nearest(track, flat, 2050, 5003, 10)).toBe(T + 50_000);
		expect(nearest(track, flat, 2050, 5020, 10)).toBeNull();
		// No line leads over a gap; its ends are points.
		expect(nearest(track, flat, 2150, 5100, 10)).toBeNull();
		expect(nearest(track, flat, 2201, 5100, 10)).toBe(T + 5000_000);
	});
	it('by index', () => {
		expect([-1, 0, 1, 2, 9].map((t) => indexAt([0, 2, 2, 5], t))).toEqual([-1, 0, 0, 2, 3]);
		expect(indexAt([], 5)).toBe(-1);
	});
});

describe('lines', () => {
	it('are parted by classes of speed and gaps, and hang together', () => {
		const lines = linesOf(
			trackOf([0, 0, 0], [1, 1, 0, 50], [2, 2, 0, 55], [3, 3, 0, 100], [4, 9, 0, 0, 1], [5, 10, 0, 50]),
		);
		expect(lines.map((l) => l.properties.kind)).toEqual([0, 1, 2, 3, 4, 5, -1]);
		expect(lines[2]?.geometry.coordinates).toEqual([
			[
				[0, 0],
				[1, 0],
				[2, 0],
			],
			[
				[9, 0],
				[10, 0],
			],
		]);
		expect(lines[4]?.geometry.coordinates).toEqual([
			[
				[2, 0],
				[3, 0],
			],
		]);
		expect(lines[6]?.geometry.coordinates).toEqual([
			[
				[3, 0],
				[9, 0],
			],
		]);
		expect(linesOf(emptyTrack(0)).every((l) => l.geometry.coordinates.length === 0)).toBe(true);
	});
	it('cover a box', () => {
		expect(extentOf(trackOf([0, 5, 1], [1, -3, 7]))).toEqual({ west: -3, east: 5, south: 1, north: 7 });
		expect(extentOf(emptyTrack(0))).toBeNull();
	});
});

describe('the replay', () => {
	let frames: ((now: number) => void)[] = [];
	let now = 1000;
	const frame = (ms: number) => {
		now += ms;
		const due = frames;
		frames = [];
		for (const f of due) f(now);
	};
	afterEach(() => vi.unstubAllGlobals());
	function cursor(): Cursor {
		frames = [];
		vi.stubGlobal('requestAnimationFrame', (f: (now: number) => void) => frames.push(f));
		vi.spyOn(performance, 'now').mockImplementation(() => now);
		return new Cursor();
	}
	it('moves on at its pace, and ends', () => {
		const c = cursor();
		const told = vi.fn();
		c.subscribe(told);
		c.setPace(60);
		c.play({ from: T, to: T + 20_000 }, []);
		expect(c.time()).toBe(T);
		frame(100);
		expect(c.time()).toBe(T + 6000);
		// A page that was hidden for an hour goes on where it was.
		frame(3_600_000);
		expect(c.time()).toBe(T + 20_000);
		expect(c.playing()).toBe(false);
		expect(told).toHaveBeenCalled();
		c.play({ from: T, to: T + 20_000 }, []);
		expect(c.time()).toBe(T);
	});
	it('stops where it is paused, and goes on from there', () => {
		const c = cursor();
		c.setPace(1);
		c.play({ from: T, to: T + 20_000 }, []);
		frame(100);
		c.pause();
		frame(100);
		expect(c.time()).toBe(T + 100);
		c.play({ from: T, to: T + 20_000 }, []);
		frame(50);
		expect(c.time()).toBe(T + 150);
	});
	it('is soon over what nothing happens in', () => {
		const c = cursor();
		c.setPace(1);
		c.play({ from: T, to: T + 1e8 }, [{ from: T, to: T + 7e6 }]);
		for (let i = 0; i < 8; i++) frame(100);
		expect(c.time()).toBe(T + 7e6 + 100);
	});
});

it('the same event again and again is said once', () => {
	const event = (kind: string, minute: number) => ({
		at: new Date(T + minute * 60_000).toISOString(),
		receivedAt: new Date(T).toISOString(),
		kind,
		name: null,
		severity: 'info',
		value: null,
		text: null,
		unit: null,
		label: null,
		latitude: null,
		longitude: null,
	});
	const found = joinedEvents([
		event('a', 0),
		event('a', 4),
		event('a', 8),
		event('b', 8),
		event('a', 9),
		event('a', 15),
	]);
	expect(found.map((f) => [f.is.kind, f.times])).toEqual([
		['a', 3],
		['b', 1],
		['a', 1],
		['a', 1],
	]);
	const history = {
		trips: [],
		stops: [],
		gaps: [{ from: event('', 0).at, to: event('', 9).at, durationS: 540, distanceM: null }],
	};
	expect(itemsOf(history as never, [event('a', 0), event('b', 4)]).map((i) => i.kind)).toEqual([
		'gap',
		'event',
		'event',
	]);
});
