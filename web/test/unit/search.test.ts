// Searching the fleet: words, filters, rights, and pages that neither skip nor repeat.
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor, matches, pageOf, type Sort } from '../../server/fleet/search.ts';
import { fleet, NOW } from './fleet.ts';

const f = fleet(
	[{ name: 'Zeta', group: '2' }, { speed: 50 }],
	[
		{ name: 'alpha', group: '3', model: 'FMB920' },
		{ lastSeen: NOW - 3_600_000, recordAt: NOW - 3_600_000 },
	],
	[{ name: null, group: null, plate: null }, null],
	[{ name: 'Alpha', group: '2', plate: 'ŽŽ 77' }, {}],
);
const all = { visible: null };

describe('matches', () => {
	it.each([
		['everything', all, [0, 1, 2, 3]],
		['what one may see', { visible: new Set(['2']) }, [0, 3]],
		['nothing without a right', { visible: new Set<string>() }, []],
		['words, whatever the case', { ...all, words: 'ALPHA' }, [1, 3]],
		['all words, of name and plate', { ...all, words: 'žž alp' }, [3]],
		['parts of an IMEI', { ...all, words: '00002' }, [1]],
		['states', { ...all, states: ['moving', 'out'] as const }, [0, 2]],
		['groups', { ...all, groups: new Set(['3']) }, [1]],
		['in no group', { ...all, groups: new Set<string>(), ungrouped: true }, [2]],
		[
			'in no group, which only those who see all may',
			{ visible: new Set(['2', '3']), groups: new Set(['3']), ungrouped: true },
			[1],
		],
		['models', { ...all, models: ['FMB920'] }, [1]],
		['silent for', { ...all, silentFor: 3_600_000 }, [1]],
		[
			'ids, in their order, and not those that may not be seen',
			{ visible: new Set(['2', '3']), ids: [2n, 1n, 3n, 99n, 1n] },
			[1, 0],
		],
	])('%s', (_, filter, found) => {
		expect(matches(f, filter, NOW)).toEqual(found);
	});
});

describe('pageOf', () => {
	const walk = (sort: Sort, descending: boolean) => {
		const seen: number[] = [];
		let cursor: string | null = null;
		do {
			const page = pageOf(f, matches(f, all, NOW), sort, descending, 1, cursor === null ? null : decodeCursor(cursor));
			seen.push(...page.places);
			cursor = page.next;
		} while (cursor !== null);
		return seen;
	};
	it.each([
		['name', false, [1, 3, 0, 2]],
		['name', true, [2, 0, 3, 1]],
		['imei', false, [0, 1, 2, 3]],
		['state', false, [2, 0, 1, 3]],
		['lastSeen', true, [3, 0, 1, 2]],
	] as const)('by %s, descending: %s', (sort, descending, order) => {
		expect(walk(sort, descending)).toEqual(order);
	});
});

describe('cursors', () => {
	it('come back', () => {
		expect(decodeCursor(encodeCursor({ number: -1, text: 'ž"', id: 2n ** 62n }))).toEqual({
			number: -1,
			text: 'ž"',
			id: 2n ** 62n,
		});
	});
	it.each(['', 'x', 'W10', Buffer.from('[1,2]').toString('base64url'), Buffer.from('["a","b"]').toString('base64url')])(
		'refuses %j',
		(text) => {
			expect(decodeCursor(text)).toBe(null);
		},
	);
});
