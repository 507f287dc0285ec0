// The cookie of a browser that is known: it holds for one user, one password and some weeks, and can't be made up.
import { expect, it } from 'vitest';
import { knownValue, readKnown } from '../../server/known_browsers.ts';
import { networkKey } from '../../server/login_limits.ts';

const key = Buffer.alloc(32, 1);
const now = Date.parse('2026-01-01');
const value = knownValue('7', key, now);

it('is read', () => {
	expect(readKnown(value, '7', key, now)).toBe(value.split('.').slice(0, 3).join('.'));
	expect(knownValue('7', key, now)).not.toBe(value);
});

it.each([
	['another user', value, '8', key, now],
	['another password', value, '7', Buffer.alloc(32, 2), now],
	['too late', value, '7', key, now + 91 * 86_400_000],
	['a longer time', value.replace(/\.\d+/, `.${now + 10 ** 12}`), '7', key, now],
	['another seal', `${value.slice(0, -2)}AA`, '7', key, now],
	['no seal', value.split('.').slice(0, 3).join('.'), '7', key, now],
	['nothing', '', '7', key, now],
])('is refused: %s', (_, text, user, whose, at) => {
	expect(readKnown(text, user, whose, at)).toBe(null);
});

it('networks are what one provider has many of', () => {
	expect(networkKey('192.0.2.7')).toBe('192.0');
	expect(networkKey('::ffff:192.0.2.7')).toBe('192.0');
	expect(networkKey('2001:db8:1:2:3::4')).toBe('2001:db8');
});
