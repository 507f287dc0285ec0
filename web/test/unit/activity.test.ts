// When the page counts as used: after a key, a touch, the wheel, and for a minute after each.
import { describe, expect, test } from 'vitest';
import { Activity, IDLE_MS } from '../../app/api/activity.ts';

describe('activity', () => {
	test.each(['pointerdown', 'keydown', 'wheel'])('%s is a sign of somebody, for a minute', (sign) => {
		let now = 5000;
		const window = new EventTarget();
		const activity = new Activity(window, () => now);
		expect(activity.isIdle, 'just opened').toBe(false);
		now += IDLE_MS - 1;
		expect(activity.isIdle).toBe(false);
		now += 1;
		expect(activity.isIdle, 'nobody since it was opened').toBe(true);
		window.dispatchEvent(new Event(sign));
		expect(activity.isIdle).toBe(false);
		now += IDLE_MS;
		expect(activity.isIdle, 'nobody since').toBe(true);
	});

	test('what moves by itself is none', () => {
		let now = 0;
		const window = new EventTarget();
		const activity = new Activity(window, () => now);
		now = IDLE_MS;
		for (const other of ['focus', 'scroll', 'message', 'visibilitychange']) window.dispatchEvent(new Event(other));
		expect(activity.isIdle).toBe(true);
	});
});
