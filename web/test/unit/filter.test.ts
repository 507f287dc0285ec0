import { describe, expect, test } from 'vitest';
import { encodeFrame, KIND_ALL } from '../../shared/frame.ts';
import type { State } from '../../shared/state.ts';
import { applyFilter, isPossible, sortNumbers, type FleetFilter } from '../../app/live/filter.ts';
import { Fleet } from '../../app/live/fleet.ts';
import { Names } from '../../app/live/names.ts';
import { fold, orderKey } from '../../shared/text.ts';

const NOW = 1_800_000_000_000;
const none: FleetFilter = { q: '', states: [], groups: null, model: null, silentForS: null };

interface Row {
	name: string;
	state: State;
	group?: string;
	model?: string;
	ago?: number;
	speed?: number;
}

function fleetOf(rows: Row[]): { fleet: Fleet; names: Names } {
	const fleet = new Fleet();
	const names = new Names();
	fleet.apply(
		encodeFrame({
			kind: KIND_ALL,
			asOf: NOW,
			devices: rows.map((r, number) => ({
				number,
				latitude: 54,
				longitude: 25,
				speed: r.speed ?? 0,
				heading: 0,
				state: r.state,
				out: null,
				connected: true,
				ignition: null,
				lastSeen: NOW / 1000 - (r.ago ?? 0),
			})),
		}),
	);
	rows.forEach((r, number) =>
		names.set(number, {
			id: String(number + 1),
			imei: `35000000000000${number}`,
			name: r.name,
			plate: null,
			group: r.group ?? null,
			model: r.model ?? null,
			category: null,
		}),
	);
	return { fleet, names };
}

const rows: Row[] = [
	{ name: 'Truck 10', state: 'moving', speed: 40, group: '2', model: 'FMB120' },
	{ name: 'Truck 9', state: 'moving', speed: 80, group: '3' },
	{ name: 'Šiauliai van', state: 'silent', ago: 4000, group: '2' },
	{ name: 'Bus', state: 'silent', ago: 900 },
	{ name: 'Car', state: 'standing', ago: 30 },
];

function shown(filter: Partial<FleetFilter>) {
	const { fleet, names } = fleetOf(rows);
	return applyFilter(fleet, names, { ...none, ...filter }, NOW);
}

describe('the filter', () => {
	test('lets all through without one', () => {
		expect([...shown({}).numbers]).toEqual([0, 1, 2, 3, 4]);
	});

	test.each<[string, Partial<FleetFilter>, number[]]>([
		['words anywhere, in any order', { q: '9 truck' }, [1]],
		['letters without their accents', { q: 'siau' }, [2]],
		['an IMEI', { q: '350000000000004' }, [4]],
		['a state', { states: ['silent'] }, [2, 3]],
		['groups', { groups: new Set(['2']) }, [0, 2]],
		['a model', { model: 'FMB120' }, [0]],
		['silent for', { silentForS: 600 }, [2, 3]],
		['all at once', { q: 'truck', states: ['moving'], groups: new Set(['3']) }, [1]],
	])('%s', (_, filter, numbers) => {
		expect([...shown(filter).numbers]).toEqual(numbers);
	});

	test('the legend counts what the rest of the filter leaves, whatever states are chosen', () => {
		const { counts, total } = shown({ states: ['moving'], groups: new Set(['2']) });
		// out, silent, nofix, moving, standing
		expect(counts).toEqual([0, 1, 0, 1, 0]);
		expect(total).toBe(5);
	});
});

test('never seen is not silent for a time', () => {
	const { fleet, names } = fleetOf([
		{ name: 'New', state: 'out', ago: NOW / 1000 },
		{ name: 'Old', state: 'silent', ago: 9e4 },
	]);
	expect([...applyFilter(fleet, names, { ...none, silentForS: 3600 }, NOW).numbers]).toEqual([1]);
});

test.each<[Parameters<typeof isPossible>[0], boolean]>([
	[{}, true],
	[{ group: '12', model: 'FMB120', silent: 604_800 }, true],
	[{ group: 'foo' }, false],
	[{ silent: 1e10 }, false],
	[{ model: 'x'.repeat(101) }, false],
])('can an address ask for %j: %s', (asked, possible) => {
	expect(isPossible(asked)).toBe(possible);
});

describe('the order', () => {
	const { fleet, names } = fleetOf(rows);
	const all = Uint32Array.from(rows.keys());
	test.each([
		['name', [3, 4, 2, 1, 0]],
		['state', [3, 2, 1, 0, 4]],
		['speed', [1, 0, 3, 4, 2]],
		['silent', [2, 3, 4, 1, 0]],
	] as const)('%s', (sort, numbers) => {
		expect([...sortNumbers(fleet, names, all, sort)]).toEqual(numbers);
	});

	test('a name that changes changes the order', () => {
		const own = fleetOf(rows);
		expect(sortNumbers(own.fleet, own.names, all, 'name')[0]).toBe(3);
		own.names.set(0, { id: '1', imei: '1', name: 'Aardvark', plate: null, group: null, model: null, category: null });
		expect(sortNumbers(own.fleet, own.names, all, 'name')[0]).toBe(0);
	});
});

test('fold', () => {
	expect(fold('Žąsų Ångström')).toBe('zasu angstrom');
});

test('orderKey puts names in the order that people expect', () => {
	const names = ['Truck 10', 'truck 9', 'Ąžuolas', 'Truck 009', 'Azimuth 2b', 'Azimuth 2', 'Truck 100', 'Truck'];
	const sorted = [...names].sort((a, b) => (orderKey(a) < orderKey(b) ? -1 : orderKey(a) > orderKey(b) ? 1 : 0));
	expect(sorted).toEqual([
		'Azimuth 2',
		'Azimuth 2b',
		'Ąžuolas',
		'Truck',
		'truck 9',
		'Truck 009',
		'Truck 10',
		'Truck 100',
	]);
});
