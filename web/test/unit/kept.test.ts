/** How long things are kept, of what several gateways say. */
import { describe, expect, it } from 'vitest';
import type { Gateway } from '../../app/api/health.ts';
import { keptOf } from '../../app/screens/settings/kept.ts';

const says = (positions: number): Gateway =>
	({
		report: { retentionDays: { positions, raw: 30, commands: 0, messages: 0, sessions: 90 } },
	}) as unknown as Gateway;

describe('how long things are kept', () => {
	const positions = (...days: number[]) => keptOf(days.map(says))?.find((k) => k.what === 'positions');
	it('is not known where no gateway says it', () => {
		expect(keptOf([])).toBeNull();
		expect(keptOf([{ report: null } as unknown as Gateway])).toBeNull();
	});
	it('is what all say', () => {
		expect(positions(365, 365)).toEqual({ what: 'positions', days: 365, differ: false });
		expect(keptOf([says(1)])?.map((k) => k.days)).toEqual([1, 30, 0, 0, 90]);
	});
	it('is the shortest, as each deletes by its own', () => {
		expect(positions(400, 365)).toEqual({ what: 'positions', days: 365, differ: true });
		expect(positions(0, 365)).toEqual({ what: 'positions', days: 365, differ: true });
	});
	it('is for ever where none deletes', () => {
		expect(positions(0, 0)).toEqual({ what: 'positions', days: 0, differ: false });
	});
});
