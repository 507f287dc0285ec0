/**
 * Decodes the live feed (migrations/0012_live_feed.sql says the layout): 64 bytes a row, big-endian, in notifications
 * of base64 with the version first, and the same rows in answers of omnitrack.live. Pure.
 *
 * Anybody who may connect may notify: what has a wrong version or length is null, and times are the caller's to judge.
 */

export const FEED_VERSION = 1;
export const ROW_BYTES = 64;

export const Flag = {
	deleted: 0x0001,
	online: 0x0002,
	fixKnown: 0x0004,
	fixNow: 0x0008,
	ignitionKnown: 0x0010,
	ignitionOn: 0x0020,
	movementKnown: 0x0040,
	movementOn: 0x0080,
	clockAhead: 0x0100,
} as const;

/** One row; times are milliseconds since the epoch, NaN: unknown. Reused by readRow, so copy what is kept. */
export interface LiveRow {
	id: bigint;
	flags: number;
	speed: number;
	heading: number;
	/** 1e-7 degrees. */
	latitude: number;
	longitude: number;
	fixAt: number;
	recordAt: number;
	lastSeen: number;
	disconnectedAt: number;
	/** By the database's clock, with its microseconds as a fraction. */
	updatedAt: number;
}

export function emptyRow(): LiveRow {
	return {
		id: 0n,
		flags: 0,
		speed: 0,
		heading: 0,
		latitude: 0,
		longitude: 0,
		fixAt: NaN,
		recordAt: NaN,
		lastSeen: NaN,
		disconnectedAt: NaN,
		updatedAt: NaN,
	};
}

/** int8 microseconds; -2^63 is unknown. By two halves, as BigInts cost more than all the rest. */
function time(b: Buffer, at: number): number {
	const high = b.readInt32BE(at);
	if (high === -0x80000000 && b.readUInt32BE(at + 4) === 0) return NaN;
	return (high * 0x100000000 + b.readUInt32BE(at + 4)) / 1000;
}

export function readRow(b: Buffer, at: number, into: LiveRow): void {
	into.id = b.readBigInt64BE(at);
	into.flags = b.readUInt16BE(at + 8);
	into.speed = b.readUInt16BE(at + 10);
	into.heading = b.readUInt16BE(at + 12);
	into.latitude = b.readInt32BE(at + 16);
	into.longitude = b.readInt32BE(at + 20);
	into.fixAt = time(b, at + 24);
	into.recordAt = time(b, at + 32);
	into.lastSeen = time(b, at + 40);
	into.disconnectedAt = time(b, at + 48);
	into.updatedAt = time(b, at + 56);
}

/** The rows of a notification, behind its version byte; null: it is none of ours. */
export function notificationRows(payload: string): Buffer | null {
	if (payload.length === 0 || payload.length > 8000 || !/^[A-Za-z0-9+/]+={0,2}$/.test(payload)) return null;
	const bytes = Buffer.from(payload, 'base64');
	if (bytes[0] !== FEED_VERSION || bytes.length === 1 || (bytes.length - 1) % ROW_BYTES !== 0) return null;
	return bytes.subarray(1);
}

const EPOCH_2010 = 1_262_304_000_000;

/** Could the database have said this? A fix may be ahead of its clock by ten minutes, the rest by ten seconds. */
export function isPlausible(row: LiveRow, databaseNow: number): boolean {
	const limit = databaseNow + 10_000;
	return (
		row.id > 0n &&
		!(row.updatedAt > limit) &&
		!(row.lastSeen > limit) &&
		!(row.disconnectedAt > limit) &&
		!(row.fixAt > limit + 600_000) &&
		!(row.recordAt > limit + 600_000) &&
		row.updatedAt > EPOCH_2010 &&
		Math.abs(row.latitude) <= 900_000_000 &&
		Math.abs(row.longitude) <= 1_800_000_000 &&
		row.heading <= 360
	);
}
