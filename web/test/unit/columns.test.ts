// The columns: rows are written, states follow, counts agree, places are used again only when released.
import { describe, expect, it } from 'vitest';
import { Flag } from '../../server/fleet/decode.ts';
import { decodeFrame, FrameWriter } from '../../shared/frame.ts';
import { fleet, inventory, liveRow, NOW } from './fleet.ts';

const counted = (f: ReturnType<typeof fleet>) => {
	const found = [0, 0, 0, 0, 0];
	f.inventory.forEach((device, at) => {
		const state = f.state[at] ?? 0;
		if (device) found[state] = (found[state] ?? 0) + 1;
	});
	return found;
};

describe('Columns', () => {
	it('judges states, and counts them', () => {
		const f = fleet(
			[{}, null],
			[{}, { speed: 50 }],
			[{}, {}],
			[{}, { flags: Flag.fixKnown }],
			[{}, { recordAt: NOW - 86_400_001 }],
			[{ enabled: false }, {}],
			[{ refused: true }, {}],
		);
		expect([0, 1, 2, 3, 4, 5, 6].map((at) => f.stateOf(at))).toEqual([
			'out',
			'moving',
			'standing',
			'nofix',
			'silent',
			'out',
			'out',
		]);
		expect([0, 5, 6].map((at) => f.outReason(at))).toEqual(['never', 'disabled', 'refused']);
		expect(f.counts).toEqual(counted(f));
	});

	it('says when nothing is different', () => {
		const f = fleet([{}, {}]);
		expect(f.live(0, liveRow({ updatedAt: NOW + 5 }), 9, NOW)).toBe(false);
		expect(f.updatedAt[0]).toBe(NOW + 5);
		expect(f.live(0, liveRow({ speed: 1 }), 10, NOW)).toBe(true);
	});

	it('lets devices grow silent by time, and pings not end it', () => {
		const f = fleet([{}, { speed: 50 }], [{}, { speed: 50, lastSeen: NOW + 700_000 }]);
		expect(f.grownSilent(NOW + 600_000)).toEqual([]);
		expect(f.grownSilent(NOW + 600_001)).toEqual([0, 1]);
		expect(f.stateOf(0)).toBe('silent');
		expect(f.counts).toEqual(counted(f));
	});

	it("uses a device's own rhythm", () => {
		const f = fleet([{ silentMoving: 3_600_000 }, { speed: 50 }]);
		expect(f.grownSilent(NOW + 3_600_000)).toEqual([]);
		expect(f.grownSilent(NOW + 3_600_001)).toEqual([0]);
	});

	it('forgets a deleted row, and a removed device', () => {
		const f = fleet([{}, {}], [{}, {}]);
		f.live(0, liveRow({ flags: Flag.deleted, recordAt: NaN, lastSeen: NaN }), 5, NOW);
		expect(f.stateOf(0)).toBe('out');
		expect(f.speedOf(0)).toBe(null);
		f.remove(1, NOW);
		expect(f.byImei.get('350000000000002')).toBe(undefined);
		expect(f.counts).toEqual(counted(f));
		expect(f.put(inventory(7), NOW)).toBe(2);
		f.release(1);
		expect(f.put(inventory(8), NOW)).toBe(1);
		expect(f.stateOf(1)).toBe('out');
		expect(f.counts).toEqual(counted(f));
	});

	it('follows a changed IMEI', () => {
		const f = fleet([{}, {}]);
		f.put(inventory(1, { imei: '350000000000099' }), NOW);
		expect([f.byImei.get('350000000000001'), f.byImei.get('350000000000099')]).toEqual([undefined, 0]);
	});

	it('keeps what it has when it grows', () => {
		const f = fleet([{}, { speed: 77 }]);
		for (let i = 2; i < 3000; i++) f.put(inventory(i), NOW);
		expect([f.speed[0], f.size, f.places.size]).toEqual([77, 2999, 2999]);
	});

	it('gives the flags of a frame', () => {
		const f = fleet(
			[{}, { flags: Flag.online | Flag.fixKnown | Flag.fixNow | Flag.ignitionKnown | Flag.ignitionOn }],
			[{ enabled: false }, {}],
		);
		const w = new FrameWriter(0, NOW, 2);
		for (const at of [0, 1]) w.put(at, 0, 0, 0, 0, f.frameFlags(at), 0);
		const [first, second] = decodeFrame(w.bytes).devices;
		expect(first).toMatchObject({ state: 'standing', connected: true, ignition: true, out: null });
		expect(second).toMatchObject({ state: 'out', out: 'disabled', ignition: null });
	});
});
