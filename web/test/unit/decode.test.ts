// The feed's rows: read as the migration lays them out; what can't be right is refused.
import { describe, expect, it } from 'vitest';
import { emptyRow, Flag, isPlausible, notificationRows, readRow, ROW_BYTES } from '../../server/fleet/decode.ts';

const now = 1_800_000_000_000;

function packed(
	more: Partial<{ id: bigint; flags: number; lat: number; updated: bigint; record: bigint }> = {},
): Buffer {
	const b = Buffer.alloc(ROW_BYTES);
	b.writeBigInt64BE(more.id ?? 2n ** 62n, 0);
	b.writeUInt16BE(more.flags ?? Flag.online | Flag.fixKnown, 8);
	b.writeUInt16BE(65, 10);
	b.writeUInt16BE(359, 12);
	b.writeUInt16BE(7, 14);
	b.writeInt32BE(more.lat ?? -546_872_123, 16);
	b.writeInt32BE(1_799_999_999, 20);
	const at = BigInt(now) * 1000n;
	b.writeBigInt64BE(at - 1_000_001n, 24);
	b.writeBigInt64BE(more.record ?? -(2n ** 63n), 32);
	b.writeBigInt64BE(at, 40);
	b.writeBigInt64BE(-(2n ** 63n), 48);
	b.writeBigInt64BE(more.updated ?? at + 7n, 56);
	return b;
}

const payload = (...rows: Buffer[]) => Buffer.concat([Buffer.from([1]), ...rows]).toString('base64');

describe('readRow', () => {
	it('reads each field', () => {
		const row = emptyRow();
		readRow(packed(), 0, row);
		expect(row).toEqual({
			id: 2n ** 62n,
			flags: Flag.online | Flag.fixKnown,
			speed: 65,
			heading: 359,
			latitude: -546_872_123,
			longitude: 1_799_999_999,
			fixAt: now - 1000.001,
			recordAt: NaN,
			lastSeen: now,
			disconnectedAt: NaN,
			updatedAt: now + 0.007,
		});
	});

	it('reads times before 1970', () => {
		const row = emptyRow();
		readRow(packed({ record: -1_000_000n }), 0, row);
		expect(row.recordAt).toBe(-1000);
	});
});

describe('notificationRows', () => {
	it('takes whole rows alone', () => {
		expect(notificationRows(payload(packed(), packed()))?.length).toBe(2 * ROW_BYTES);
		expect(notificationRows(payload(packed().subarray(1)))).toBe(null);
		expect(notificationRows(payload())).toBe(null);
	});

	it.each(['', 'hello you', '=', 'AgAA', 'A'.repeat(8001)])('refuses %j', (text) => {
		expect(notificationRows(text)).toBe(null);
	});

	it('refuses another version', () => {
		expect(notificationRows(Buffer.concat([Buffer.from([2]), packed()]).toString('base64'))).toBe(null);
	});
});

describe('isPlausible', () => {
	const check = (b: Buffer) => {
		const row = emptyRow();
		readRow(b, 0, row);
		return isPlausible(row, now);
	};
	it.each([
		[true, {}],
		[false, { updated: BigInt(now + 10_001) * 1000n }],
		[true, { updated: BigInt(now + 9000) * 1000n }],
		[false, { updated: 0n }],
		[true, { record: BigInt(now + 599_000) * 1000n }],
		[false, { record: BigInt(now + 620_000) * 1000n }],
		[false, { lat: 900_000_001 }],
		[false, { id: 0n }],
		[false, { id: -5n }],
	])('%s for %o', (right, more) => {
		expect(check(packed(more))).toBe(right);
	});
});
