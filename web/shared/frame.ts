/**
 * The live frame: what changed on the map, 18 bytes a device, little-endian.
 *
 *   header, 16 bytes
 *      0  u8   version, 1
 *      1  u8   kind: 0 changes, 1 all devices of the tiles asked for
 *      2  u16  reserved, 0
 *      4  u32  number of devices
 *      8  f64  asOf: milliseconds since the epoch by the database's clock; resume with it
 *   a device, 18 bytes
 *      0  u24  number: the message `devices` has said which device it is
 *      3  i32  latitude, 1e-7 degrees; both -2^31: never had a fix
 *      7  i32  longitude
 *     11  u8   speed, km/h, 255: that or more
 *     12  u8   heading, 360/256 degrees, clockwise from north
 *     13  u8   bits 0-2 state (shared/state.ts), 7: gone; bit 3 connected; bit 4 ignition known; bit 5 ignition on;
 *              bits 6-7 of one that is out, why: 1 disabled, 2 refused, 3 never seen; of others, bit 6: its clock is ahead
 *     14  u32  its last word (StateFacts.saidAt), seconds since the epoch, 0: never
 */
import { outReasons, states, type OutReason, type State } from './state.ts';

export const FRAME_VERSION = 1;
export const FRAME_HEADER = 16;
export const FRAME_DEVICE = 18;
export const KIND_CHANGES = 0;
export const KIND_ALL = 1;
/** Most devices that numbers can tell apart. */
export const MAX_NUMBER = 0xffffff;
const NOWHERE = -(2 ** 31);
const GONE = 7;
const CLOCK_AHEAD = 64;

export interface FrameDevice {
	number: number;
	/** Degrees; null: never had a fix. */
	latitude: number | null;
	longitude: number | null;
	speed: number;
	/** Degrees clockwise from north. */
	heading: number;
	/** gone: no longer there, or no longer to be seen. */
	state: State | 'gone';
	out: OutReason | null;
	connected: boolean;
	ignition: boolean | null;
	/** Seconds since the epoch; 0: never. */
	lastSeen: number;
}

export interface Frame {
	kind: number;
	asOf: number;
	devices: FrameDevice[];
}

export class FrameWriter {
	readonly bytes: Uint8Array;
	readonly #view: DataView;
	#at = FRAME_HEADER;

	constructor(kind: number, asOf: number, count: number) {
		this.bytes = new Uint8Array(FRAME_HEADER + count * FRAME_DEVICE);
		this.#view = new DataView(this.bytes.buffer);
		this.#view.setUint8(0, FRAME_VERSION);
		this.#view.setUint8(1, kind);
		this.#view.setUint32(4, count, true);
		this.#view.setFloat64(8, asOf, true);
	}

	/** As packed: latitude and longitude in 1e-7 degrees, flags as in the layout. */
	put(number: number, lat: number, lon: number, speed: number, heading: number, flags: number, lastSeen: number): void {
		const v = this.#view;
		const at = this.#at;
		v.setUint16(at, number & 0xffff, true);
		v.setUint8(at + 2, number >>> 16);
		v.setInt32(at + 3, lat, true);
		v.setInt32(at + 7, lon, true);
		v.setUint8(at + 11, speed > 255 ? 255 : speed);
		v.setUint8(at + 12, Math.round((heading * 256) / 360) & 255);
		v.setUint8(at + 13, flags);
		v.setUint32(at + 14, lastSeen, true);
		this.#at = at + FRAME_DEVICE;
	}
}

export function packFlags(
	state: State | 'gone',
	connected: boolean,
	ignition: boolean | null,
	out: OutReason | null,
	clockAhead = false,
): number {
	return (
		(state === 'gone' ? GONE : states.indexOf(state)) |
		(connected ? 8 : 0) |
		(ignition === null ? 0 : 16) |
		(ignition === true ? 32 : 0) |
		(out === null ? (clockAhead ? CLOCK_AHEAD : 0) : (outReasons.indexOf(out) + 1) << 6)
	);
}

/** Why it is out, by the flags of a frame; null: it isn't. */
export function outOf(flags: number): OutReason | null {
	return states[flags & 7] === 'out' ? (outReasons[(flags >> 6) - 1] ?? null) : null;
}

/** Is its clock ahead, by the flags of a frame? Nothing is known of one that is out. */
export function isClockAhead(flags: number): boolean {
	return states[flags & 7] !== 'out' && (flags & CLOCK_AHEAD) !== 0;
}

export function encodeFrame(frame: Frame): Uint8Array {
	const w = new FrameWriter(frame.kind, frame.asOf, frame.devices.length);
	for (const d of frame.devices) {
		const fixed = d.latitude !== null && d.longitude !== null;
		const lat = fixed ? Math.round((d.latitude ?? 0) * 1e7) : NOWHERE;
		const lon = fixed ? Math.round((d.longitude ?? 0) * 1e7) : NOWHERE;
		w.put(d.number, lat, lon, d.speed, d.heading, packFlags(d.state, d.connected, d.ignition, d.out), d.lastSeen);
	}
	return w.bytes;
}

/** Undefined for what is no frame. */
export function kindOf(bytes: Uint8Array): number | undefined {
	return bytes[0] === FRAME_VERSION ? bytes[1] : undefined;
}

/** Calls back for each device with the values as packed, so that nothing is allocated; RangeError for what is no frame. */
export function visitFrame(
	bytes: Uint8Array,
	visit: (
		number: number,
		lat: number,
		lon: number,
		speed: number,
		heading: number,
		flags: number,
		lastSeen: number,
	) => void,
): { kind: number; asOf: number } {
	const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (bytes.byteLength < FRAME_HEADER || v.getUint8(0) !== FRAME_VERSION) throw new RangeError('not a live frame');
	if (bytes.byteLength !== FRAME_HEADER + v.getUint32(4, true) * FRAME_DEVICE)
		throw new RangeError('a live frame of a wrong length');
	for (let at = FRAME_HEADER; at < bytes.byteLength; at += FRAME_DEVICE)
		visit(
			v.getUint16(at, true) | (v.getUint8(at + 2) << 16),
			v.getInt32(at + 3, true),
			v.getInt32(at + 7, true),
			v.getUint8(at + 11),
			v.getUint8(at + 12),
			v.getUint8(at + 13),
			v.getUint32(at + 14, true),
		);
	return { kind: v.getUint8(1), asOf: v.getFloat64(8, true) };
}

/** Throws a RangeError for what is no frame. */
export function decodeFrame(bytes: Uint8Array): Frame {
	const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (bytes.byteLength < FRAME_HEADER || v.getUint8(0) !== FRAME_VERSION) throw new RangeError('not a live frame');
	const count = v.getUint32(4, true);
	if (bytes.byteLength !== FRAME_HEADER + count * FRAME_DEVICE) throw new RangeError('a live frame of a wrong length');
	const devices: FrameDevice[] = [];
	for (let at = FRAME_HEADER; at < bytes.byteLength; at += FRAME_DEVICE) {
		const lat = v.getInt32(at + 3, true);
		const lon = v.getInt32(at + 7, true);
		const nowhere = lat === NOWHERE && lon === NOWHERE;
		const flags = v.getUint8(at + 13);
		devices.push({
			number: v.getUint16(at, true) | (v.getUint8(at + 2) << 16),
			latitude: nowhere ? null : lat / 1e7,
			longitude: nowhere ? null : lon / 1e7,
			speed: v.getUint8(at + 11),
			heading: (v.getUint8(at + 12) * 360) / 256,
			state: states[flags & 7] ?? 'gone',
			out: outOf(flags),
			connected: (flags & 8) !== 0,
			ignition: (flags & 16) === 0 ? null : (flags & 32) !== 0,
			lastSeen: v.getUint32(at + 14, true),
		});
	}
	return { kind: v.getUint8(1), asOf: v.getFloat64(8, true), devices };
}
