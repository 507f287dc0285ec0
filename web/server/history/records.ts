/** Records of one device by time, in columns: what tracks, trips and stops are made of. Pure. */

export const Flag = { valid: 1, ignitionKnown: 2, ignitionOn: 4, movementKnown: 8, movementOn: 16 } as const;

export interface Records {
	count: number;
	/** Milliseconds since the epoch, ascending. */
	time: Float64Array;
	/** Degrees; they mean something where the fix is valid. */
	latitude: Float64Array;
	longitude: Float64Array;
	/** km/h */
	speed: Int32Array;
	flags: Uint8Array;
}

export function emptyRecords(size: number): Records {
	return {
		count: 0,
		time: new Float64Array(size),
		latitude: new Float64Array(size),
		longitude: new Float64Array(size),
		speed: new Int32Array(size),
		flags: new Uint8Array(size),
	};
}

export interface OneRecord {
	time: number;
	latitude: number;
	longitude: number;
	speed: number;
	flags: number;
}

/** Twice as much room. */
function grow(records: Records): void {
	const bigger = emptyRecords(Math.max(1024, 2 * records.time.length));
	bigger.time.set(records.time);
	bigger.latitude.set(records.latitude);
	bigger.longitude.set(records.longitude);
	bigger.speed.set(records.speed);
	bigger.flags.set(records.flags);
	Object.assign(records, { ...bigger, count: records.count });
}

export function append(
	records: Records,
	time: number,
	latitude: number,
	longitude: number,
	speed: number,
	flags: number,
): void {
	if (records.count === records.time.length) grow(records);
	const i = records.count++;
	records.time[i] = time;
	records.latitude[i] = latitude;
	records.longitude[i] = longitude;
	records.speed[i] = speed;
	records.flags[i] = flags;
}

export function recordsOf(list: readonly OneRecord[]): Records {
	const records = emptyRecords(list.length);
	for (const r of list) append(records, r.time, r.latitude, r.longitude, r.speed, r.flags);
	return records;
}

/** It has a place. */
export function isValid(records: Records, i: number): boolean {
	return ((records.flags[i] ?? 0) & Flag.valid) !== 0;
}

/** Null: it doesn't send it. */
export function ignitionOf(records: Records, i: number): boolean | null {
	const flags = records.flags[i] ?? 0;
	return flags & Flag.ignitionKnown ? (flags & Flag.ignitionOn) !== 0 : null;
}

export function movementOf(records: Records, i: number): boolean | null {
	const flags = records.flags[i] ?? 0;
	return flags & Flag.movementKnown ? (flags & Flag.movementOn) !== 0 : null;
}

const EARTH_M = 6_371_008.8;
const RAD = Math.PI / 180;

/** Metres between two places of the records, on a sphere. */
export function distance(records: Records, a: number, b: number): number {
	const lat1 = (records.latitude[a] ?? 0) * RAD;
	const lat2 = (records.latitude[b] ?? 0) * RAD;
	const half = ((records.longitude[b] ?? 0) - (records.longitude[a] ?? 0)) * RAD * 0.5;
	const s = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin(half) ** 2;
	return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(s)));
}
