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

// 1 > 2 > 3; 4 apart.
const parents = new Map([
	['1', null],
	['2', '1'],
	['3', '2'],
	['4', null],
]);
const rights = (...given: [string | null, Role][]): Rights => ({ roles: new Map(given) });

describe('roleIn', () => {
	it.each([
		['the group itself', rights(['2', 'viewer']), '2', 'viewer'],
		['a group below', rights(['1', 'operator']), '3', 'operator'],
		['not a group above', rights(['2', 'admin']), '1', null],
		['not a sister', rights(['1', 'admin']), '4', null],
		['the highest wins', rights(['1', 'installer'], ['3', 'viewer']), '3', 'installer'],
		['the root holds everywhere', rights([null, 'operator']), '3', 'operator'],
		['at the root', rights(['1', 'admin']), null, null],
	] as const)('%s', (_, r, group, role) => {
		expect(roleIn(r, parents, group)).toBe(role);
	});

	it('ends on a circle', () => {
		const circle = new Map([
			['1', '2'],
			['2', '1'],
		]);
		expect(roleIn(rights(['3', 'admin']), circle, '1')).toBe(null);
	});
});

describe('authorize', () => {
	it('lets nobody in who is not signed in, but to what is public', () => {
		for (const action of Object.keys(actions) as Action[])
			expect(authorize(null, action, parents, { group: '1' })).toBe(actions[action].scope === 'public');
	});

	it('lets a user without roles do only what is his own', () => {
		for (const action of Object.keys(actions) as Action[])
			expect(authorize(rights(), action, parents, { group: '1' })).toBe(
				['public', 'self'].includes(actions[action].scope),
			);
	});

	it('lets an admin at the root do everything', () => {
		for (const action of Object.keys(actions) as Action[])
			expect(authorize(rights([null, 'admin']), action, parents, { group: null })).toBe(true);
	});

	it('hides devices in no group from all but admins', () => {
		expect(authorize(rights([null, 'installer']), 'device.read', parents, { group: null })).toBe(false);
		expect(authorize(rights([null, 'installer']), 'device.read', parents, { group: '4' })).toBe(true);
	});

	it('wants an object where the action is done to one', () => {
		expect(authorize(rights([null, 'installer']), 'device.read', parents)).toBe(false);
	});

	it('wants the role at the root for what concerns the installation', () => {
		expect(authorize(rights(['1', 'admin']), 'gateways.list', parents)).toBe(false);
		expect(authorize(rights([null, 'installer']), 'gateways.list', parents)).toBe(true);
		expect(authorize(rights([null, 'operator']), 'gateways.list', parents)).toBe(false);
	});
});

it('groupsFor lists the groups below, and means all devices by null', () => {
	expect(groupsFor(rights(['2', 'viewer']), 'device.read', parents)).toEqual(new Set(['2', '3']));
	expect(groupsFor(rights(['2', 'viewer']), 'command.send', parents)).toEqual(new Set());
	expect(groupsFor(rights([null, 'admin']), 'device.read', parents)).toBe(null);
	expect(groupsFor(rights([null, 'viewer']), 'device.read', parents)).toEqual(new Set(['1', '2', '3', '4']));
});
