// One look over the fleet for a client: what is in its tiles, what passes its filter, counts and cells.
import { describe, expect, it } from 'vitest';
import { cellLevel, cellsOf } from '../../server/live/cells.ts';
import { look } from '../../server/live/look.ts';
import { classOf } from '../../server/live/rooms.ts';
import { tileName, tileX, tileY } from '../../shared/tiles.ts';
import { fleet, liveRow, NOW } from './fleet.ts';

const everybody = classOf(null);
const north = classOf(new Set(['2']));
const east = 1_000_000_000;
const world = ['0/0/0'];

describe('look', () => {
	const f = fleet([{}, {}], [{}, { longitude: east, speed: 50 }], [{ group: null }, {}], [{}, null]);

	it('finds what a class sees in its tiles', () => {
		const found = (visibility: typeof everybody, tiles: string[]) => look(f, visibility, tiles, null, NOW).found;
		expect(found(everybody, ['2/2/1'])).toEqual([0, 2]);
		expect(found(north, ['2/2/1', '2/3/1'])).toEqual([0, 1]);
		expect(found(north, world)).toEqual([0, 1, 3]);
		expect(found(north, [tileName(12, tileX(25.28, 12), tileY(54.68, 12))])).toEqual([0]);
		expect(found(north, [])).toEqual([]);
	});

	it('counts all that one may see, whatever the tiles, by the filter without its states', () => {
		const seen = look(f, everybody, ['2/3/1'], { words: 'car', states: ['standing'] }, NOW);
		expect(seen).toMatchObject({ found: [], devices: 4, counts: [1, 0, 0, 1, 2] });
		expect(look(f, north, world, { words: 'car 2' }, NOW)).toMatchObject({
			found: [1],
			devices: 3,
			counts: [0, 0, 0, 1, 0],
		});
	});

	it('follows a device that moves', () => {
		const moving = fleet([{}, {}]);
		expect(look(moving, everybody, ['2/2/1'], null, NOW).found).toEqual([0]);
		moving.live(0, liveRow({ longitude: east }), 2, NOW);
		expect(look(moving, everybody, ['2/2/1'], null, NOW).found).toEqual([]);
		expect(look(moving, everybody, ['2/3/1'], null, NOW).found).toEqual([0]);
	});

	it('gives a box around the fleet that few far away ones do not widen', () => {
		const many = fleet(
			...Array.from(
				{ length: 300 },
				(_, i) => [{}, { latitude: 546_800_000 + i, longitude: 252_800_000 }] as [object, object],
			),
			[{}, { latitude: 0, longitude: 0 }],
		);
		const { box } = look(many, everybody, world, null, NOW);
		expect(box?.west).toBeGreaterThan(25);
		expect(box?.east).toBeLessThan(25.5);
		expect(box?.south).toBeGreaterThan(54.5);
		expect(box?.north).toBeLessThan(54.8);
		expect(look(many, everybody, world, { words: 'nothing' }, NOW).box).toBe(null);
	});
});

describe('cells', () => {
	it('are finer where there are fewer tiles', () => {
		expect(cellLevel(world)).toBe(6);
		expect(cellLevel(Array.from({ length: 32 }, (_, i) => `6/${i}/0`))).toBe(10);
		expect(cellLevel(['12/1/1'])).toBe(18);
	});

	it('count each state, and leave out what has no place', () => {
		const f = fleet([{}, {}], [{}, { speed: 50 }], [{}, { longitude: east }], [{}, null]);
		const cells = cellsOf(f, [0, 1, 2, 3], world, 7);
		expect(cells).toMatchObject({ asOf: 7, level: 6 });
		expect(cells.x).toEqual([tileX(25.28, 6), tileX(100, 6)]);
		expect(cells.y).toEqual([tileY(54.68, 6), tileY(54.68, 6)]);
		expect(cells.counts).toEqual([0, 0, 0, 1, 1, 0, 0, 0, 0, 1]);
	});
});
