import { describe, expect, test } from 'vitest';
import { encodeFrame, KIND_ALL, KIND_CHANGES, type FrameDevice } from '../../shared/frame.ts';
import { states } from '../../shared/state.ts';
import { insideTiles } from '../../shared/tiles.ts';
import { Fleet } from '../../app/live/fleet.ts';
import { cellRadius, joinNear } from '../../app/map/join.ts';
import { latitudeOf, longitudeOf, mercatorX, mercatorY } from '../../app/map/mercator.ts';
import { nameLeft } from '../../app/map/name_place.ts';
import { townBox, townSize } from '../../app/map/town_names.ts';
import { CHOSEN, DENSE, MARK_FLOATS, pack, type View } from '../../app/map/pack.ts';

const world: View = { zoom: 4, west: 0, east: 1, north: 0, south: 1 };

function device(number: number, more: Partial<FrameDevice> = {}): FrameDevice {
	return {
		number,
		latitude: 54.68,
		longitude: 25.28,
		speed: 0,
		heading: 90,
		state: 'standing',
		out: null,
		connected: true,
		ignition: null,
		lastSeen: 1_800_000_000,
		...more,
	};
}

function fleetOf(devices: FrameDevice[]): { fleet: Fleet; all: Uint32Array } {
	const fleet = new Fleet();
	fleet.apply(encodeFrame({ kind: KIND_ALL, asOf: 1, devices }));
	return { fleet, all: Uint32Array.from(devices, (d) => d.number) };
}

test('mercator goes there and back', () => {
	for (const [lat, lon] of [
		[54.68, 25.28],
		[-33.9, 151.2],
		[0, -179.9],
	] as const) {
		expect(latitudeOf(mercatorY(lat))).toBeCloseTo(lat, 9);
		expect(longitudeOf(mercatorX(lon))).toBeCloseTo(lon, 9);
	}
});

describe('the fleet in columns', () => {
	test('takes a frame, and what changes', () => {
		const { fleet } = fleetOf([device(0), device(5, { state: 'moving', speed: 60 })]);
		expect(fleet.size).toBe(6);
		expect(fleet.complete).toBe(true);
		expect(fleet.state(5)).toBe('moving');
		expect(fleet.state(1)).toBeNull();
		const before = fleet.version;
		fleet.apply(encodeFrame({ kind: KIND_CHANGES, asOf: 2, devices: [device(5, { state: 'gone' })] }));
		expect(fleet.state(5)).toBeNull();
		expect(fleet.version).toBe(before + 1);
		expect(fleet.counts()).toEqual(states.map((s) => (s === 'standing' ? 1 : 0)));
	});

	test('a frame without devices tells nobody', () => {
		const { fleet } = fleetOf([device(0)]);
		const before = fleet.version;
		fleet.apply(encodeFrame({ kind: KIND_CHANGES, asOf: 2, devices: [] }));
		expect(fleet.version).toBe(before);
		expect(fleet.asOf).toBe(2);
	});

	test('refuses what is no frame', () => {
		expect(() => new Fleet().apply(new Uint8Array(3))).toThrow(RangeError);
	});

	test('no place is no place', () => {
		const { fleet, all } = fleetOf([device(0, { latitude: null, longitude: null, state: 'out', out: 'never' })]);
		expect(fleet.x[0]).toBeNaN();
		expect(pack(fleet, all, world, undefined)).toMatchObject({ count: 0, inView: 0, cells: [] });
	});

	test('forgets numbers when the server is another one', () => {
		const { fleet } = fleetOf([device(3)]);
		fleet.name(3, '77');
		expect(fleet.numberOf('77')).toBe(3);
		fleet.forget();
		expect(fleet.numberOf('77')).toBeUndefined();
		expect(fleet.size).toBe(0);
		fleet.name(0, '78');
		expect(fleet.state(0)).toBeNull();
	});
});

describe('what is drawn', () => {
	test('a mark is exact to centimetres, though floats are not', () => {
		const { fleet, all } = fleetOf([device(0, { latitude: 54.6800001, longitude: 25.2800001 })]);
		const { marks, count } = pack(fleet, all, world, undefined);
		expect(count).toBe(1);
		expect((marks[0] ?? 0) + (marks[2] ?? 0)).toBeCloseTo(mercatorX(25.2800001), 12);
		expect((marks[1] ?? 0) + (marks[3] ?? 0)).toBeCloseTo(mercatorY(54.6800001), 12);
	});

	test('many in one cell are one count, by state; the chosen one stays a mark', () => {
		const many = Array.from({ length: DENSE + 3 }, (_, i) => device(i, { state: i % 2 === 0 ? 'moving' : 'silent' }));
		const { fleet, all } = fleetOf(many);
		const packed = pack(fleet, all, world, 1);
		expect(packed.count).toBe(1);
		expect(packed.numbers[0]).toBe(1);
		expect(packed.marks[MARK_FLOATS - 1]).toBe(states.indexOf('silent') + CHOSEN);
		expect(packed.cells).toHaveLength(1);
		expect(packed.cells[0]).toMatchObject({ count: DENSE + 2 });
		expect(packed.cells[0]?.byState.reduce((a, b) => a + b)).toBe(DENSE + 2);
		expect(packed.inView).toBe(DENSE + 3);
	});

	test('near enough, each is a mark', () => {
		const many = Array.from({ length: DENSE + 3 }, (_, i) => device(i));
		const { fleet, all } = fleetOf(many);
		expect(pack(fleet, all, { ...world, zoom: 16 }, undefined)).toMatchObject({ count: DENSE + 3, cells: [] });
	});

	test('what moves lies above what stands', () => {
		const { fleet, all } = fleetOf([device(0, { state: 'moving' }), device(1)]);
		expect([...pack(fleet, all, world, undefined).numbers]).toEqual([1, 0]);
	});

	test('what wants attention lies above what moves', () => {
		const { fleet, all } = fleetOf([
			device(0, { state: 'silent' }),
			device(1, { state: 'nofix' }),
			device(2, { state: 'moving' }),
		]);
		expect([...pack(fleet, all, world, undefined).numbers]).toEqual([2, 1, 0]);
	});

	test('a name stays on the map: right of its mark, else left, else nowhere', () => {
		expect(nameLeft(100, 11, 60, 400)).toBe(111);
		expect(nameLeft(390, 11, 60, 400)).toBe(319);
		expect(nameLeft(40, 11, 60, 80)).toBeNull();
	});

	test('a town keeps the room of its name, which grows with it and with the zoom', () => {
		expect(townSize(3, 50)).toBe(10);
		expect(townSize(4, 60)).toBe(11.25);
		expect(townSize(12, 99)).toBe(16);
		expect(townSize(6.5, 70)).toBeCloseTo((12.5 + 16) / 2, 9);
		const [left, top, right, bottom] = townBox(100, 50, 40, 10);
		expect([left, right]).toEqual([80, 120]);
		expect(bottom).toBeLessThan(50);
		expect(bottom - top).toBeGreaterThan(10);
	});

	test('what is out of view is left out', () => {
		const { fleet, all } = fleetOf([device(0), device(1, { longitude: -120 })]);
		const view = { ...world, zoom: 10, west: 0.5, east: 0.6, north: 0.2, south: 0.4 };
		expect(pack(fleet, all, view, undefined)).toMatchObject({ count: 1, inView: 1 });
	});
});

describe('counts that would lie on one another', () => {
	const cell = (x: number, count: number) => ({
		...{ x, y: 0.5, count, byState: [0, 0, 0, 0, count] },
		...{ west: x, east: x, north: 0.5, south: 0.5 },
	});
	const world = 1000;
	const apart = (cellRadius(100) * 2) / world;

	test('become one, in the middle of their devices', () => {
		const [one, ...more] = joinNear([cell(0.5, 100), cell(0.5 + apart / 2, 300)], world);
		expect(more).toEqual([]);
		expect(one).toMatchObject({ count: 400, byState: [0, 0, 0, 0, 400], west: 0.5, east: 0.5 + apart / 2 });
		expect(one?.x).toBeCloseTo(0.5 + (apart * 3) / 8, 9);
	});

	test('stay apart where there is room, and closer up', () => {
		expect(joinNear([cell(0.5, 100), cell(0.5 + apart, 100)], world)).toHaveLength(2);
		expect(joinNear([cell(0.5, 100), cell(0.5 + apart / 2, 300)], world * 4)).toHaveLength(2);
	});

	test('are joined until none meets another', () => {
		const row = Array.from({ length: 20 }, (_, i) => cell(0.4 + i * apart * 0.7, 100));
		const kept = joinNear(row, world);
		expect(kept.reduce((n, c) => n + c.count, 0)).toBe(2000);
		for (const a of kept)
			for (const b of kept)
				if (a !== b)
					expect(Math.hypot(a.x - b.x, a.y - b.y) * world).toBeGreaterThanOrEqual(
						cellRadius(a.count) + cellRadius(b.count) - 2,
					);
	});
});

test('what the server has counted is added up to cells of the map', () => {
	const { fleet, all } = fleetOf([device(0)]);
	const level = 12;
	const at = (lon: number, lat: number) => [
		Math.floor(mercatorX(lon) * 2 ** level),
		Math.floor(mercatorY(lat) * 2 ** level),
	];
	const [ax = 0, ay = 0] = at(25.28, 54.68);
	const [bx = 0, by = 0] = at(-70, -33);
	const counts = [0, 1, 0, 2, 3, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
	const packed = pack(fleet, all, world, 0, { asOf: 1, level, x: [ax, ax + 1, bx], y: [ay, ay, by], counts });
	expect(packed.cells.map((c) => [c.count, c.byState])).toEqual([
		[10, [0, 1, 0, 2, 7]],
		[1, [1, 0, 0, 0, 0]],
	]);
	expect(latitudeOf(packed.cells[0]?.y ?? 0)).toBeCloseTo(54.68, 1);
	expect(packed.cells[0]?.east).toBeCloseTo((ax + 2) / 2 ** level, 9);
	// The chosen one is a mark all the same.
	expect([...packed.numbers]).toEqual([0]);
	expect(packed.inView).toBe(12);
});

test('what is outside the tiles of a part of the fleet is left out, unless it is watched', () => {
	const fleet = new Fleet();
	const limits = { inside: insideTiles(['2/2/1']), keeps: (number: number) => number === 2 };
	const shown = () => [0, 1, 2, 3].filter((number) => fleet.state(number) !== null);
	const far = { latitude: 10, longitude: 100 };
	fleet.apply(
		encodeFrame({ kind: KIND_ALL, asOf: 1, devices: [device(0), device(1), device(2), device(3, far)] }),
		limits,
	);
	expect(shown()).toEqual([0, 1, 2]);
	expect(fleet.complete).toBe(false);
	fleet.apply(encodeFrame({ kind: KIND_CHANGES, asOf: 2, devices: [device(1, far), device(2, far)] }), limits);
	expect(shown()).toEqual([0, 2]);
	// All of another view: the others go.
	fleet.apply(encodeFrame({ kind: KIND_ALL, asOf: 3, devices: [device(3)] }), limits);
	expect(shown()).toEqual([2, 3]);
	fleet.clear(limits);
	expect(shown()).toEqual([2]);
});
