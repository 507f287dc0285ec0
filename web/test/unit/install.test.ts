// The check of a tracker that was just built in: what its label says, and what is done of the list.
import { describe, expect, test } from 'vitest';
import { judge, type Known } from '../../app/screens/install/checks.ts';
import { hasRightCheckDigit, imeiIn } from '../../app/screens/install/luhn.ts';

const now = Date.parse('2026-11-30T12:00:00Z');
const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();

type State = NonNullable<Known['state']>;
function known(device: Partial<State['device']>, more: Partial<State> = {}, rest: Partial<Known> = {}): Known {
	const state = {
		device: { enabled: true, ignition: null, fixAt: null, ...device },
		receivedAt: null,
		lastRecordAt: null,
		fixValid: null,
		session: { online: true, disconnectedAt: null },
		...more,
	} as State;
	return { state, refused: undefined, seenOn: false, seenOff: false, now, ...rest };
}

describe('the label', () => {
	test('has an IMEI among other numbers', () => {
		expect(imeiIn('IMEI:490154203237518;SN:1234567')).toBe('490154203237518');
		expect(imeiIn('123456789012345 490154203237518')).toBe('490154203237518');
		expect(imeiIn('1234567')).toBeNull();
	});
	test('a digit that was read wrong shows', () => {
		expect(hasRightCheckDigit('490154203237518')).toBe(true);
		expect(hasRightCheckDigit('490154203237517')).toBe(false);
	});
});

describe('the list', () => {
	test('one that nobody registered waits', () => {
		const none = { state: undefined, refused: undefined, seenOn: false, seenOff: false, now };
		expect(judge(none)).toMatchObject({ registered: 'unknown', connected: 'waits', ignition: 'waits' });
		const called = judge({ ...none, refused: { imei: '1' } as Known['refused'] });
		expect(called.registered).toBe('refused');
	});
	test('old news are none', () => {
		const found = judge(known({ fixAt: ago(16) }, { receivedAt: ago(16) }));
		expect(found).toMatchObject({ registered: null, connected: null, records: 'oldRecords', fix: 'waits' });
		expect(judge(known({ fixAt: ago(16) }, { receivedAt: ago(1) })).fix).toBe('oldFix');
	});
	test('a record without a fix is one', () => {
		const found = judge(known({}, { lastRecordAt: ago(1) }));
		expect(found).toMatchObject({ records: null, fix: 'noFix', ignition: 'noIgnition' });
	});
	test('ignition is to be seen both ways', () => {
		const at = (ignition: boolean | null, rest: Partial<Known> = {}) =>
			judge(known({ ignition, fixAt: ago(1) }, { receivedAt: ago(1) }, rest)).ignition;
		expect(at(null)).toBe('noIgnition');
		expect(at(false, { seenOff: true })).toBe('turnOn');
		expect(at(true, { seenOn: true })).toBe('turnOff');
		expect(at(true, { seenOn: true, seenOff: true })).toBeNull();
	});
	test('why it is not connected', () => {
		const session = (disconnectedAt: string | null) =>
			judge(known({}, { session: { online: false, disconnectedAt } as State['session'] })).connected;
		expect([session(null), session(ago(3))]).toEqual(['neverConnected', 'offline']);
	});
});
