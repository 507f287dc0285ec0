// What clients of the live feed are sent, and that nothing that they do or leave undone fills the memory.
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Columns } from '../../server/fleet/columns.ts';
import type { Fleet } from '../../server/fleet/fleet.ts';
import type { Person } from '../../server/directory.ts';
import { Client, type LiveSocket } from '../../server/live/client.ts';
import { Publisher } from '../../server/live/publisher.ts';
import { classOf } from '../../server/live/rooms.ts';
import { decodeFrame, KIND_ALL, KIND_CHANGES, type Frame } from '../../shared/frame.ts';
import type { Cells, Overview } from '../../shared/live.ts';
import { fleet, inventory, liveRow, NOW } from './fleet.ts';

class FakeSocket {
	conn = { writeBuffer: [] as unknown[], transport: { socket: { bufferedAmount: 0 } } };
	frames: Frame[] = [];
	cells: Cells[] = [];
	overviews: Overview[] = [];
	disconnect = vi.fn();
	emit(event: string, what: unknown): void {
		if (event === 'frame') this.frames.push(decodeFrame(what as Uint8Array));
		if (event === 'cells') this.cells.push(what as Cells);
		if (event === 'overview') this.overviews.push(what as Overview);
	}
}

let columns: Columns;
let live: { dirty: Set<number> };
let now: number;
let publisher: Publisher;
let socket: FakeSocket;
let client: Client;

function start(made: Columns): void {
	columns = made;
	live = { dirty: new Set<number>() };
	now = NOW;
	const held = Object.assign(live, { columns, now: () => now, on: () => undefined });
	publisher = new Publisher(held as unknown as Fleet, new Registry());
	socket = new FakeSocket();
	const person = { id: '7' } as Person;
	client = new Client(socket as unknown as LiveSocket, person, classOf(new Set(['2'])), 'sid', '1', '127.0.0.1', false);
	publisher.add(client);
}

/** Changes a device and lets a second go by. */
function second(...places: number[]): void {
	now += 1000;
	for (const at of places) live.dirty.add(at);
	publisher.tick();
}

beforeEach(() => start(fleet([{}, {}], [{}, {}])));

describe('a client that does not read', () => {
	const unread = (bytes: number) => (socket.conn.transport.socket.bufferedAmount = bytes);
	it('gets no view, however often it asks, and one when it reads', () => {
		publisher.view(client, ['0/0/0'], false, null);
		expect(socket.frames).toHaveLength(1);
		unread(1_000_000);
		for (let i = 0; i < 100; i++)
			expect(publisher.view(client, ['0/0/0'], false, null)).toEqual({ ok: true, mode: 'points', devices: 2 });
		publisher.watch(client, ['1']);
		live.dirty.add(0);
		publisher.tick();
		expect(socket.frames).toHaveLength(1);
		unread(0);
		publisher.tick();
		expect(socket.frames[1]?.kind).toBe(KIND_ALL);
		expect(socket.frames[1]?.devices).toHaveLength(2);
		live.dirty.add(0);
		publisher.tick();
		expect(socket.frames.at(-1)?.devices.map((d) => d.number)).toEqual([0]);
	});
	it('is cut off at once if it has left too much unread', () => {
		unread(20_000_000);
		publisher.tick();
		expect(socket.disconnect).toHaveBeenCalledWith(true);
	});
	it('is cut off after half a minute', () => {
		vi.useFakeTimers();
		try {
			unread(1000);
			publisher.tick();
			vi.advanceTimersByTime(29_000);
			publisher.tick();
			expect(socket.disconnect).not.toHaveBeenCalled();
			vi.advanceTimersByTime(2000);
			publisher.tick();
			expect(socket.disconnect).toHaveBeenCalledWith(true);
		} finally {
			vi.useRealTimers();
		}
	});
	it('is not cut off for a little', () => {
		unread(1000);
		publisher.tick();
		expect(socket.disconnect).not.toHaveBeenCalled();
	});
});

it('who asks when many were just told of the whole fleet is told in the next second', () => {
	Object.assign(live, { columns: fleet(...Array.from({ length: 1000 }, (): [object, object] => [{}, {}])) });
	for (let i = 0; i <= 400; i++) publisher.view(client, ['0/0/0'], false, null);
	expect(socket.frames).toHaveLength(401);
	expect(publisher.view(client, ['0/0/0'], false, null).ok).toBe(true);
	expect(socket.frames).toHaveLength(401);
	publisher.tick();
	expect(socket.frames).toHaveLength(402);
	expect(socket.frames.at(-1)?.kind).toBe(KIND_ALL);
});

it.each([
	['that left its group', () => columns.put(inventory(1, { group: '3' }), NOW)],
	['that was deleted', () => columns.remove(0, NOW)],
])('a watched device %s is gone, outside the map too', (_, change) => {
	publisher.watch(client, ['1', '2']);
	expect(socket.frames[0]?.devices).toHaveLength(2);
	change();
	live.dirty.add(0);
	publisher.tick();
	expect(socket.frames[1]?.devices).toMatchObject([{ number: 0, state: 'gone' }]);
	live.dirty.add(0);
	publisher.tick();
	expect(socket.frames).toHaveLength(2);
});

it('a watched device that a right was taken of is gone', () => {
	publisher.watch(client, ['1']);
	client.visibility = classOf(new Set(['3']));
	publisher.seesOtherwise(client);
	publisher.tick();
	expect(socket.frames.at(-1)?.devices).toMatchObject([{ number: 0, state: 'gone' }]);
});

describe('a hidden tab', () => {
	it('is sent nothing, and what has changed when it is seen again', () => {
		publisher.view(client, ['0/0/0'], false, null);
		// Differences overlap by some seconds.
		for (let i = 0; i < 6; i++) second();
		publisher.pause(client);
		columns.live(1, liveRow({ speed: 50 }), 3, now + 60_000);
		now += 600_000;
		second(1);
		expect(socket.frames).toHaveLength(1);
		publisher.resume(client);
		expect(socket.frames).toHaveLength(2);
		expect(socket.frames[1]).toMatchObject({ kind: KIND_CHANGES, devices: [{ number: 1, state: 'moving' }] });
	});
	it('hears of what left while it was hidden', () => {
		publisher.view(client, ['0/0/0'], false, null);
		publisher.pause(client);
		now += 100_000;
		columns.put(inventory(1, { group: '3' }), now);
		columns.remove(1, now);
		second(0, 1);
		publisher.resume(client);
		expect(socket.frames[1]?.devices).toMatchObject([
			{ number: 0, state: 'gone' },
			{ number: 1, state: 'gone' },
		]);
	});
});

describe('a fleet that is too large', () => {
	/** For a phone: more than 2,000. The last ones move. */
	const many = 2100;
	const moving = (at: number) => ({ speed: at >= many - 5 ? 50 : 0 });
	beforeEach(() => start(fleet(...Array.from({ length: many }, (_, at) => [{}, moving(at)] as [object, object]))));

	it('is counted in cells, and again as time goes by', () => {
		expect(publisher.view(client, ['0/0/0'], true, null)).toEqual({ ok: true, mode: 'cells', devices: many });
		expect(socket.cells[0]?.counts).toEqual([0, 0, 0, 5, many - 5]);
		expect(socket.overviews).toMatchObject([{ devices: many, counts: [0, 0, 0, 5, many - 5], tooMany: true }]);
		second(1);
		expect(socket.cells).toHaveLength(1);
		for (let i = 0; i < 3; i++) second(1);
		expect(socket.cells).toHaveLength(2);
		expect(socket.frames).toEqual([]);
	});

	it('is sent to a desk, which has more room', () => {
		expect(publisher.view(client, ['0/0/0'], false, null).ok).toBe(true);
		expect(socket.frames[0]?.devices).toHaveLength(many);
		expect(socket.overviews).toEqual([]);
	});

	it('is points where few enough are in the tiles, with counts of the rest', () => {
		expect(publisher.view(client, ['2/3/1'], true, null)).toMatchObject({ mode: 'points', devices: 0 });
		expect(socket.frames).toHaveLength(1);
		expect(socket.overviews).toHaveLength(1);
	});

	it('is points of those that pass a filter, while they do', () => {
		const filter = { states: ['moving'] as const };
		expect(publisher.view(client, ['0/0/0'], true, null, filter)).toMatchObject({ mode: 'points', devices: 5 });
		expect(socket.frames[0]?.devices).toHaveLength(5);
		// A change of one of them is told at once, one of others is not.
		second(3, many - 1);
		expect(socket.frames[1]?.devices.map((d) => d.number)).toEqual([many - 1]);
		// What comes in and what goes out are seen at the next look.
		columns.live(7, liveRow({ speed: 90 }), many + 1, now);
		columns.live(many - 1, liveRow(), many + 2, now);
		for (let i = 0; i < 4; i++) second();
		expect(socket.frames.at(-1)?.devices).toMatchObject([
			{ number: 7, state: 'moving' },
			{ number: many - 1, state: 'gone' },
		]);
		// One that may be seen no more is gone at once.
		columns.put(inventory(8, { group: '3' }), now);
		second(7);
		expect(socket.frames.at(-1)?.devices).toMatchObject([{ number: 7, state: 'gone' }]);
	});

	it('that becomes small enough is sent', () => {
		publisher.view(client, ['0/0/0'], true, null);
		for (let at = 0; at < 200; at++) columns.remove(at, now);
		for (let i = 0; i < 4; i++) second();
		expect(socket.overviews.at(-1)?.tooMany).toBe(false);
		expect(socket.frames.at(-1)?.devices).toHaveLength(many - 200);
	});
});
