/**
 * The packed answer of /devices/{id}/track, which the server makes and the browser draws: about 6.5 bytes a point.
 *
 * Little endian. Head, 32 bytes: version, flags, two bytes of nothing; points (uint32); records that it was made of
 * (uint32); a zoom (float32) up to which it is as the records are, within a pixel; time of the first point (float64,
 * milliseconds since the epoch); the range's end (float64). Then of each point, as numbers of 7 bits a byte, low first:
 *   twice the seconds since the point before, plus 1 if what lies between is not known (a gap);
 *   latitude and longitude less those before, in steps of 1/200,000°, the sign in the lowest bit;
 *   km/h on the way from the point before, the mean.
 */

export const TRACK_VERSION = 1;
export const TRACK_TYPE = 'application/vnd.omnitrack.track';
const HEAD = 32;
const STEPS = 200_000;
/** Of one point, at most: time 5 (136 years), places 4 each, speed 2. */
const MOST_BYTES = 15;

/** Points by column. A point's `speed` and `gap` are of the way that leads to it. */
export interface Track {
	count: number;
	/** How many records the range has. */
	records: number;
	/** Drawn at this zoom of the map or a smaller one, it looks as all records would. */
	zoom: number;
	/** Milliseconds since the epoch: the end of the range. */
	until: number;
	/** Milliseconds since the epoch, whole seconds apart. */
	time: Float64Array;
	latitude: Float64Array;
	longitude: Float64Array;
	/** km/h */
	speed: Uint16Array;
	gap: Uint8Array;
}

/** Where the classes of speed begin, in km/h: standing, slow, town, road, fast, very fast. */
export const SPEED_CLASSES = [0, 5, 30, 60, 90, 130] as const;

export function speedClass(speed: number): number {
	let at = SPEED_CLASSES.length - 1;
	while (at > 0 && speed < (SPEED_CLASSES[at] ?? 0)) at--;
	return at;
}

export function emptyTrack(count: number): Track {
	return {
		count,
		records: 0,
		zoom: 0,
		until: 0,
		time: new Float64Array(count),
		latitude: new Float64Array(count),
		longitude: new Float64Array(count),
		speed: new Uint16Array(count),
		gap: new Uint8Array(count),
	};
}

export function encodeTrack(track: Track): Uint8Array {
	const bytes = new Uint8Array(HEAD + MOST_BYTES * track.count);
	const view = new DataView(bytes.buffer);
	view.setUint8(0, TRACK_VERSION);
	view.setUint32(4, track.count, true);
	view.setUint32(8, track.records, true);
	view.setFloat32(12, track.zoom, true);
	view.setFloat64(16, track.time[0] ?? 0, true);
	view.setFloat64(24, track.until, true);
	let at = HEAD;
	const put = (value: number) => {
		let rest = value;
		while (rest > 127) {
			bytes[at++] = (rest % 128) | 128;
			rest = Math.floor(rest / 128);
		}
		bytes[at++] = rest;
	};
	const signed = (value: number) => put(value < 0 ? -2 * value - 1 : 2 * value);
	const first = track.time[0] ?? 0;
	let seconds = 0;
	let y = 0;
	let x = 0;
	for (let i = 0; i < track.count; i++) {
		const s = Math.max(seconds, Math.round(((track.time[i] ?? 0) - first) / 1000));
		const lat = Math.round((track.latitude[i] ?? 0) * STEPS);
		const lon = Math.round((track.longitude[i] ?? 0) * STEPS);
		put(2 * (s - seconds) + (track.gap[i] === 1 ? 1 : 0));
		signed(lat - y);
		signed(lon - x);
		put(Math.min(track.speed[i] ?? 0, 9999));
		[seconds, y, x] = [s, lat, lon];
	}
	return bytes.subarray(0, at);
}

/** Throws for what is no track of this version. */
export function decodeTrack(bytes: Uint8Array): Track {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (bytes.length < HEAD || view.getUint8(0) !== TRACK_VERSION) throw new Error('not a track of this version');
	const count = view.getUint32(4, true);
	if (count > (bytes.length - HEAD) / 4) throw new Error('a track that is cut off');
	const track = emptyTrack(count);
	track.records = view.getUint32(8, true);
	track.zoom = view.getFloat32(12, true);
	track.until = view.getFloat64(24, true);
	const first = view.getFloat64(16, true);
	let at = HEAD;
	const take = (): number => {
		let value = 0;
		for (let scale = 1; ; scale *= 128) {
			const byte = bytes[at++];
			if (byte === undefined) throw new Error('a track that is cut off');
			value += (byte & 127) * scale;
			if (byte < 128) return value;
		}
	};
	const signed = (): number => {
		const value = take();
		return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
	};
	let seconds = 0;
	let y = 0;
	let x = 0;
	for (let i = 0; i < count; i++) {
		const step = take();
		seconds += Math.floor(step / 2);
		y += signed();
		x += signed();
		track.gap[i] = step % 2;
		track.time[i] = first + 1000 * seconds;
		track.latitude[i] = y / STEPS;
		track.longitude[i] = x / STEPS;
		track.speed[i] = take();
	}
	return track;
}
