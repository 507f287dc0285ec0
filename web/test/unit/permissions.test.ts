// Who may do what: roles are inherited downwards, the highest wins, and nothing is allowed by accident.
import { describe, expect, it } from 'vitest';
import {
	actions,
	authorize,
	groupsFor,
	roleIn,
	type Action,
	type Rights,
	type Role,
} from '../../shared/permissions.ts';

// 1 > 2 > 3; 1 > 4.
const parents = new Map([
	['1', null],
	['2', '1'],
	['3', '2'],
	['4', '1'],
]);
const rights = (...given: [string, Role][]): Rights => ({ roles: new Map(given), readsCommands: new Set() });

describe('roleIn', () => {
	it.each([
		['the group itself', rights(['2', 'viewer']), '2', 'viewer'],
		['a group below', rights(['2', 'operator']), '3', 'operator'],
		['not a group above', rights(['2', 'installer']), '1', null],
		['not a sister', rights(['2', 'installer']), '4', null],
		['the highest wins', rights(['2', 'installer'], ['3', 'viewer']), '3', 'installer'],
		['the root holds everywhere', rights(['1', 'operator']), '3', 'operator'],
	] as const)('%s', (_, r, group, role) => {
		expect(roleIn(r, parents, group)).toBe(role);
	});

	it('ends on a circle', () => {
		const circle = new Map([
			['5', '6'],
			['6', '5'],
		]);
		expect(roleIn(rights(['3', 'viewer']), circle, '5')).toBe(null);
	});
});

describe('authorize', () => {
	it('lets nobody in who is not signed in, but to what is public', () => {
		for (const action of Object.keys(actions) as Action[])
			expect(authorize(null, action, parents, { group: '2' })).toBe(actions[action].scope === 'public');
	});

	it('lets a user without roles do only what is his own', () => {
		for (const action of Object.keys(actions) as Action[])
			expect(authorize(rights(), action, parents, { group: '2' })).toBe(
				['public', 'self'].includes(actions[action].scope),
			);
	});

	it('lets an admin do everything, also to what is in no group', () => {
		for (const action of Object.keys(actions) as Action[])
			expect(authorize(rights(['1', 'admin']), action, parents, { group: null })).toBe(true);
	});

	it('hides devices in no group from all but admins', () => {
		expect(authorize(rights(['1', 'installer']), 'device.read', parents, { group: null })).toBe(false);
		expect(authorize(rights(['1', 'installer']), 'device.read', parents, { group: '4' })).toBe(true);
	});

	it('wants an object where the action is done to one', () => {
		expect(authorize(rights(['1', 'installer']), 'device.read', parents)).toBe(false);
	});

	it('wants the role at the root for what concerns the installation', () => {
		expect(authorize(rights(['2', 'installer']), 'gateways.list', parents)).toBe(false);
		expect(authorize(rights(['1', 'installer']), 'gateways.list', parents)).toBe(true);
		expect(authorize(rights(['1', 'operator']), 'gateways.list', parents)).toBe(false);
	});

	it('wants a right of its own for the texts of commands', () => {
		const plain = rights(['2', 'installer']);
		expect(authorize(plain, 'command.text', parents, { group: '3' })).toBe(false);
		const reader = { ...plain, readsCommands: new Set(['2']) };
		expect(authorize(reader, 'command.text', parents, { group: '3' })).toBe(true);
		expect(authorize(reader, 'command.text', parents, { group: '4' })).toBe(false);
	});
});

it('groupsFor lists the groups below, and means all devices by null', () => {
	expect(groupsFor(rights(['2', 'viewer']), 'device.read', parents)).toEqual(new Set(['2', '3']));
	expect(groupsFor(rights(['2', 'viewer']), 'command.send', parents)).toEqual(new Set());
	expect(groupsFor(rights(['1', 'admin']), 'device.read', parents)).toBe(null);
	expect(groupsFor(rights(['1', 'viewer']), 'device.read', parents)).toEqual(new Set(['1', '2', '3', '4']));
});
