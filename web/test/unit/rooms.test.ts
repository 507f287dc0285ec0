// Rooms of the live feed: who hears of what, over tiles and over rights.
import { describe, expect, it } from 'vitest';
import { classOf, Rooms, tileAt } from '../../server/live/rooms.ts';
import { NOWHERE } from '../../server/fleet/columns.ts';
import { fleet, inventory, liveRow, NOW } from './fleet.ts';

const everybody = classOf(null);
const north = classOf(new Set(['2']));
const south = classOf(new Set(['3']));
const east = 1_000_000_000;

function told(rooms: Rooms<string>, f: ReturnType<typeof fleet>, ...dirty: number[]) {
	const list = rooms
		.tell(f, dirty)
		.map((t) => [t.room.tile, t.room.class.key, t.places, t.gone, [...t.room.clients]] as const);
	return list.sort((a, b) => (`${a[0]}${a[1]}` < `${b[0]}${b[1]}` ? -1 : 1));
}

describe('tileAt', () => {
	it('puts a device without a place into the world alone', () => {
		expect([0, 2, 12].map((l) => tileAt(NOWHERE, NOWHERE, l))).toEqual(['0/0/0', null, null]);
	});
});

describe('Rooms', () => {
	it('tells those who look at the tile', () => {
		const f = fleet([{}, {}]);
		const rooms = new Rooms<string>();
		rooms.join('a', everybody, ['0/0/0']);
		rooms.join('b', everybody, ['2/2/1']);
		rooms.join('c', everybody, ['2/0/0']);
		expect(told(rooms, f, 0)).toEqual([
			['0/0/0', '*', [0], [], ['a']],
			['2/2/1', '*', [0], [], ['b']],
		]);
	});

	it('shares a room between those of one class, and parts classes', () => {
		const f = fleet([{ group: '2' }, {}], [{ group: '3' }, {}], [{ group: null }, {}]);
		const rooms = new Rooms<string>();
		rooms.join('a', north, ['0/0/0']);
		rooms.join('b', classOf(new Set(['2'])), ['0/0/0']);
		rooms.join('c', south, ['0/0/0']);
		rooms.join('d', everybody, ['0/0/0']);
		expect(rooms.size).toBe(3);
		expect(told(rooms, f, 0, 1, 2)).toEqual([
			['0/0/0', '*', [0, 1, 2], [], ['d']],
			['0/0/0', '2', [0], [], ['a', 'b']],
			['0/0/0', '3', [1], [], ['c']],
		]);
	});

	it('tells the tile that a device has left once more', () => {
		const f = fleet([{}, {}]);
		const rooms = new Rooms<string>();
		rooms.join('old', everybody, ['2/2/1']);
		rooms.join('new', everybody, ['2/3/1']);
		told(rooms, f, 0);
		f.live(0, liveRow({ longitude: east }), 2, NOW);
		expect(told(rooms, f, 0).map((t) => t[4])).toEqual([['old'], ['new']]);
		expect(told(rooms, f, 0).map((t) => t[4])).toEqual([['new']]);
	});

	it('tells a class that it no longer sees a device, and a new one that it does', () => {
		const f = fleet([{ group: '2' }, {}]);
		const rooms = new Rooms<string>();
		rooms.join('n', north, ['0/0/0']);
		rooms.join('s', south, ['0/0/0']);
		told(rooms, f, 0);
		f.put(inventory(1, { group: '3' }), NOW);
		expect(told(rooms, f, 0)).toEqual([
			['0/0/0', '2', [], [0], ['n']],
			['0/0/0', '3', [0], [], ['s']],
		]);
		expect(told(rooms, f, 0).map((t) => t[4])).toEqual([['s']]);
	});

	it('tells that a device is gone to those who saw it', () => {
		const f = fleet([{ group: '2' }, {}]);
		const rooms = new Rooms<string>();
		rooms.join('n', north, ['2/2/1']);
		rooms.join('s', south, ['2/2/1']);
		told(rooms, f, 0);
		f.remove(0, NOW);
		// Its place is no longer known: the world is told, and the tile that it was in.
		expect(told(rooms, f, 0)).toEqual([['2/2/1', '2', [], [0], ['n']]]);
		expect(told(rooms, f, 0)).toEqual([]);
	});

	it('forgets rooms that nobody is in', () => {
		const rooms = new Rooms<string>();
		rooms.join('a', everybody, ['0/0/0', '2/2/1']);
		rooms.join('a', everybody, ['4/1/1']);
		expect(rooms.size).toBe(1);
		rooms.leave('a');
		rooms.leave('a');
		expect(rooms.size).toBe(0);
		expect(rooms.tell(fleet([{}, {}]), [0])).toEqual([]);
	});
});
