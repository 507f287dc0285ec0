import { describe, expect, test } from 'vitest';
import { encodeFrame, KIND_ALL, KIND_CHANGES, type FrameDevice } from '../../shared/frame.ts';
import { states } from '../../shared/state.ts';
import { Fleet } from '../../app/live/fleet.ts';
import { latitudeOf, longitudeOf, mercatorX, mercatorY } from '../../app/map/mercator.ts';
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

	test('what is out of view is left out', () => {
		const { fleet, all } = fleetOf([device(0), device(1, { longitude: -120 })]);
		const view = { ...world, zoom: 10, west: 0.5, east: 0.6, north: 0.2, south: 0.4 };
		expect(pack(fleet, all, view, undefined)).toMatchObject({ count: 1, inView: 1 });
	});
});
