// The five states: each rule, and the order between them.
import { describe, expect, it } from 'vitest';
import { silentAfter, SILENT_MIN_MS, SILENT_STANDING_MS, stateOf, type StateFacts } from '../../shared/state.ts';

const now = 1_800_000_000_000;
const standing: StateFacts = {
	enabled: true,
	refused: false,
	saidAt: now,
	fix: true,
	speed: 0,
	movement: null,
	silentMoving: null,
	silentStanding: null,
};

describe('stateOf', () => {
	it.each([
		['standing', {}],
		['standing', { speed: 4 }],
		['moving', { speed: 5 }],
		['standing', { speed: 90, movement: false }],
		['moving', { speed: 0, movement: true }],
		['nofix', { fix: false, speed: 90 }],
		['out', { enabled: false }],
		['out', { refused: true }],
		['out', { saidAt: null }],
		['standing', { saidAt: now - SILENT_STANDING_MS }],
		['silent', { saidAt: now - SILENT_STANDING_MS - 1 }],
		['moving', { speed: 50, saidAt: now - SILENT_MIN_MS }],
		['silent', { speed: 50, saidAt: now - SILENT_MIN_MS - 1 }],
		['silent', { speed: 50, fix: false, saidAt: now - SILENT_MIN_MS - 1 }],
		['out', { enabled: false, saidAt: now - 1e12 }],
		['silent', { saidAt: now - 3_600_001, silentStanding: 3_600_000 }],
		['standing', { saidAt: now - 3_600_001, silentStanding: 3_700_000, silentMoving: 1 }],
	] as const)('%s with %j', (state, facts) => {
		expect(stateOf({ ...standing, ...facts }, now)).toBe(state);
	});

	it('never calls a device silent before ten minutes', () => {
		expect(silentAfter({ ...standing, silentStanding: 1000 })).toBe(SILENT_MIN_MS);
	});
});
