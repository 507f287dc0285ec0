// A flood of notices costs a bounded amount of work, and loses nothing.
import { beforeEach, expect, it } from 'vitest';
import { GAP_MS, MOST_IDS, MOST_READ, NoticeGate } from '../../server/fleet/notice_gate.ts';
import type { Notice } from '../../server/fleet/notices.ts';

let passed: Notice[];
let gate: NoticeGate;
beforeEach(() => {
	passed = [];
	gate = new NoticeGate((notice) => passed.push(notice));
});

it('passes the first on at once, and the rest of a second as one', () => {
	expect(gate.take('user:1', 0)).toBe('taken');
	expect(passed).toEqual([{ kind: 'user', ids: ['1'] }]);
	gate.take('user:2', 10);
	gate.take('user:3,2', 20);
	gate.take('device:7', 30);
	gate.flush(GAP_MS - 1);
	expect(passed.slice(1)).toEqual([{ kind: 'device', ids: ['7'] }]);
	gate.flush(GAP_MS);
	expect(passed.slice(2)).toEqual([{ kind: 'user', ids: ['2', '3'] }]);
	gate.flush(5 * GAP_MS);
	expect(passed).toHaveLength(3);
});

it('makes "all" of too many ids', () => {
	gate.take('device:*', 0);
	for (let i = 0; i <= MOST_IDS; i += 100)
		gate.take(`device:${Array.from({ length: 100 }, (_, n) => i + n + 1).join(',')}`, 1);
	gate.flush(GAP_MS);
	expect(passed).toEqual([
		{ kind: 'device', ids: '*' },
		{ kind: 'device', ids: '*' },
	]);
});

it('reads no more than so many a second, and then looks at all', () => {
	const found = Array.from({ length: 10 * MOST_READ }, () => gate.take('session:5', 0));
	expect(found.filter((f) => f === 'flood')).toHaveLength(9 * MOST_READ);
	gate.flush(GAP_MS);
	expect(passed.slice(1).map((n) => `${n.kind}:${String(n.ids)}`)).toEqual([
		'user:*',
		'group:*',
		'device:*',
		'session:*',
	]);
	expect(gate.take('user:1', GAP_MS + 1)).toBe('taken');
});

it('is not moved by what is none of ours', () => {
	expect(gate.take('nonsense', 0)).toBe('format');
	gate.flush(GAP_MS);
	expect(passed).toEqual([]);
});
