// The inventory's screens, what of them is pure: the tree of groups with its counts, what a form changes, elements found.
import { describe, expect, it } from 'vitest';
import type { DictionaryEntry } from '../../app/api/dictionary.ts';
import { inOrder, outside, treeOf, type Node } from '../../app/api/group_tree.ts';
import type { Group } from '../../app/api/queries.ts';
import { changesOf, fieldsOf } from '../../app/screens/devices/device_fields.tsx';
import { othersOf } from '../../app/screens/devices/preview.ts';
import { nearest } from '../../app/screens/devices/row_controls.ts';
import { toggled } from '../../app/screens/devices/selection.ts';
import { matching } from '../../app/screens/models/matching.ts';

const group = (id: string, name: string, parent: string | null, devices: number): Group => ({
	id,
	name,
	parent,
	devices,
	role: 'admin',
});

describe('treeOf', () => {
	const said = (nodes: Node[]): unknown[] => nodes.map((n) => [n.group.name, n.devices, said(n.below)]);

	it('counts what is below, too, and orders by name', () => {
		const groups = [
			group('1', 'All', null, 1),
			group('3', 'South', '1', 2),
			group('2', 'North', '1', 4),
			group('4', 'Vans', '2', 8),
		];
		expect(said(treeOf(groups))).toEqual([
			[
				'All',
				15,
				[
					['North', 12, [['Vans', 8, []]]],
					['South', 2, []],
				],
			],
		]);
	});
	it('begins with the groups whose parents one may not see', () => {
		expect(said(treeOf([group('4', 'Vans', '2', 8), group('3', 'South', '9', 2)]))).toEqual([
			['South', 2, []],
			['Vans', 8, []],
		]);
	});
	it('is a list, too: each below its parent, with its depth', () => {
		const groups = [group('2', 'North', '1', 4), group('4', 'Vans', '2', 8), group('1', 'All', null, 1)];
		expect(inOrder(treeOf(groups)).map((n) => [n.group.name, n.depth, n.devices])).toEqual([
			['All', 0, 13],
			['North', 1, 12],
			['Vans', 2, 8],
		]);
	});
});

describe('changesOf', () => {
	const before = fieldsOf({
		name: 'Van',
		plate: 'A 1',
		model: null,
		phone: null,
		category: 'van',
		notes: null,
		group: '2',
	});

	it('says what is other, and that an emptied field says nothing', () => {
		expect(changesOf(before, { ...before, plate: ' ', model: 'FMB920 ' })).toEqual({ plate: null, model: 'FMB920' });
	});
	it('says nothing where only blanks are other', () => {
		expect(changesOf(before, { ...before, name: ' Van ' })).toEqual({});
	});
});

describe('othersOf', () => {
	it('counts those whose value is not named', () => {
		const before = [
			{ field: 'model' as const, value: 'FMB920', devices: 5 },
			{ field: 'model' as const, value: null, devices: 2 },
			{ field: 'group' as const, value: '1', devices: 9 },
		];
		expect(othersOf({ before, toChange: 9 }, 'model')).toBe(2);
		expect(othersOf({ before, toChange: 9 }, 'group')).toBe(0);
	});
});

describe('outside', () => {
	it('has neither the group nor any that stands below it', () => {
		const groups = [
			group('4', 'Small', '3', 0),
			group('1', 'All', null, 0),
			group('3', 'Vans', '2', 0),
			group('2', 'North', '1', 0),
			group('5', 'South', '1', 0),
		];
		expect(outside(groups, '2').map((g) => g.name)).toEqual(['All', 'South']);
		expect(outside(groups, '4').map((g) => g.name)).toEqual(['All', 'Vans', 'North', 'South']);
	});
});

describe('nearest', () => {
	it.each([
		[['select', 'name', 'model', 'map'], 'model', 2],
		[['select', 'name', 'map', 'history'], 'model', 1],
		[['map', 'history', 'question'], 'select', 0],
		[['map', 'history', 'question'], 'name', 0],
		[[], 'name', -1],
	])('of %j to %s', (there, wanted, at) => {
		expect(nearest(there, wanted)).toBe(at);
	});
});

describe('toggled', () => {
	const of = (ids: string[], last: string | null) => ({ ids: new Set(ids), last });
	const rows = ['1', '2', '3', '4'];

	it('chooses one, or all from the one before', () => {
		expect(toggled(of([], null), rows, '2', true)).toEqual(of(['2'], '2'));
		expect(toggled(of(['2'], '2'), rows, '4', true)).toEqual(of(['2', '3', '4'], '4'));
		expect(toggled(of(['1', '2', '3'], '3'), rows, '2', true)).toEqual(of(['1'], '2'));
		expect(toggled(of(['2'], '2'), rows, '4', false)).toEqual(of(['2', '4'], '4'));
	});
	it('goes by where they stand now', () => {
		expect(toggled(of(['2'], '2'), ['3', '4', '1', '2'], '1', true)).toEqual(of(['2', '1'], '1'));
		expect(toggled(of(['2'], '2'), ['1', '3', '4'], '4', true)).toEqual(of(['2', '4'], '4'));
	});
	it('leaves what is not in the list', () => {
		expect(toggled(of(['2'], '2'), rows, '9', true)).toEqual(of(['2'], '2'));
	});
});

describe('matching', () => {
	const element = (id: number, name: string, unit: string | null): DictionaryEntry => ({
		id,
		name,
		kind: 'unsigned',
		unit,
		multiplier: null,
		families: [],
		labels: null,
		description: '',
	});
	const all = [
		element(66, 'external_voltage', 'V'),
		element(67, 'battery_voltage', 'V'),
		element(21, 'gsm_signal', null),
	];

	it.each([
		['', [66, 67, 21]],
		['VOLTAGE battery', [67]],
		['external voltage', [66]],
		['21', [21]],
		['temperature', []],
	])('finds by "%s"', (q, found) => {
		expect(matching(all, q).map((e) => e.id)).toEqual(found);
	});
});
