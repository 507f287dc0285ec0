// What clients of the live feed are sent, and that nothing that they do or leave undone fills the memory.
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Columns } from '../../server/fleet/columns.ts';
import type { Fleet } from '../../server/fleet/fleet.ts';
import type { Person } from '../../server/directory.ts';
import { Client, type LiveSocket } from '../../server/live/client.ts';
import { Publisher } from '../../server/live/publisher.ts';
import { classOf } from '../../server/live/rooms.ts';
import { decodeFrame, KIND_ALL, type Frame } from '../../shared/frame.ts';
import { fleet, inventory, NOW } from './fleet.ts';

class FakeSocket {
	conn = { writeBuffer: [] as unknown[], transport: { socket: { bufferedAmount: 0 } } };
	frames: Frame[] = [];
	disconnect = vi.fn();
	emit(event: string, what: unknown): void {
		if (event === 'frame') this.frames.push(decodeFrame(what as Uint8Array));
	}
}

let columns: Columns;
let live: { dirty: Set<number> };
let publisher: Publisher;
let socket: FakeSocket;
let client: Client;

beforeEach(() => {
	columns = fleet([{}, {}], [{}, {}]);
	live = { dirty: new Set<number>() };
	const held = Object.assign(live, { columns, now: () => NOW, on: () => undefined });
	publisher = new Publisher(held as unknown as Fleet, new Registry());
	socket = new FakeSocket();
	const person = { id: '7' } as Person;
	client = new Client(socket as unknown as LiveSocket, person, classOf(new Set(['2'])), 'sid', '1', '127.0.0.1');
	publisher.add(client);
});

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
	it('is not cut off for a little', () => {
		unread(1000);
		publisher.tick();
		expect(socket.disconnect).not.toHaveBeenCalled();
	});
});

it.each([
	['that left its group', () => columns.put(inventory(1, { group: '3' }), NOW)],
	['that was deleted', () => columns.remove(0)],
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
