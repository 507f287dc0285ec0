/**
 * Makes a track of records: as few points as look the same. Pure.
 *
 * Each record with a place has a weight: how many pixels of the whole world (from 0 to 1) the line would be off without it,
 * by Douglas and Peucker. Where it is at a time counts too, an eighth, so that a mark that runs along the line is about
 * where the device was. What changes the class of speed for longer weighs more. Ends of stops, trips and gaps always stay;
 * what lies within a stop goes.
 */
import { emptyTrack, encodeTrack, speedClass, type Track } from '../../shared/track.ts';
import { isValid, type Records } from './records.ts';
import type { Piece } from './pieces.ts';
import type { Range } from './describe.ts';

/** What an answer may have. */
export const MOST_BYTES = 60_000;
const MOST_POINTS = 9000;
/** A longer line is parted: the work for one grows with its square at worst. */
const MOST_RUN = 4000;
const TIME_COUNTS = 1 / 8;
/** A stretch of another class of speed is seen if it is so many pixels long. */
const CLASS_PIXELS = 4;
/** A pixel of 256 is one of this part at zoom 0; maplibre's world has 512 there. */
const WORLD_PIXELS = 512;

export interface Box {
	west: number;
	south: number;
	east: number;
	north: number;
}

/** Places as the map draws them: the world from 0 to 1, y to the south. */
interface Line {
	count: number;
	/** Index in the records. */
	from: Int32Array;
	x: Float64Array;
	y: Float64Array;
	weight: Float64Array;
	/** What leads to it isn't known. */
	gap: Uint8Array;
}

/** What is drawn of each piece: of a stop its ends, of a trip all. */
function lineOf(records: Records, pieces: readonly Piece[], range: Range): Line {
	const line: Line = {
		count: 0,
		from: new Int32Array(records.count),
		x: new Float64Array(records.count),
		y: new Float64Array(records.count),
		weight: new Float64Array(records.count),
		gap: new Uint8Array(records.count),
	};
	let gap = false;
	const put = (i: number, stays: boolean) => {
		const at = line.count++;
		const latitude = Math.max(-85.05, Math.min(85.05, records.latitude[i] ?? 0));
		line.from[at] = i;
		line.x[at] = ((records.longitude[i] ?? 0) + 180) / 360;
		line.y[at] = (1 - Math.asinh(Math.tan((latitude * Math.PI) / 180)) / Math.PI) / 2;
		line.weight[at] = stays ? Infinity : 0;
		line.gap[at] = gap && at > 0 ? 1 : 0;
		gap = false;
	};
	for (const piece of pieces) {
		if (piece.kind === 'gap') {
			gap = true;
			continue;
		}
		const seen: number[] = [];
		for (let i = piece.first; i <= piece.last; i++) {
			const time = records.time[i] ?? 0;
			if (isValid(records, i) && time >= range.from && time < range.to) seen.push(i);
		}
		const last = seen.length - 1;
		seen.forEach((i, n) => {
			if (piece.kind === 'trip' || n === 0 || n === last) put(i, n === 0 || n === last || n % MOST_RUN === 0);
		});
	}
	return line;
}

/** The point of a stretch that is farthest off the straight way between its ends; the time is that of the records. */
function farthest(line: Line, records: Records, a: number, b: number): { at: number; off: number } {
	const ax = line.x[a] ?? 0;
	const ay = line.y[a] ?? 0;
	const dx = (line.x[b] ?? 0) - ax;
	const dy = (line.y[b] ?? 0) - ay;
	const length2 = dx * dx + dy * dy;
	const start = records.time[line.from[a] ?? 0] ?? 0;
	const lasts = (records.time[line.from[b] ?? 0] ?? 0) - start;
	let at = -1;
	let most = -1;
	for (let i = a + 1; i < b; i++) {
		const px = (line.x[i] ?? 0) - ax;
		const py = (line.y[i] ?? 0) - ay;
		const along = length2 > 0 ? Math.max(0, Math.min(1, (px * dx + py * dy) / length2)) : 0;
		const passed = lasts > 0 ? ((records.time[line.from[i] ?? 0] ?? 0) - start) / lasts : 0;
		const ox = px - along * dx;
		const oy = py - along * dy;
		const tx = px - passed * dx;
		const ty = py - passed * dy;
		const off = Math.max(ox * ox + oy * oy, (tx * tx + ty * ty) * TIME_COUNTS * TIME_COUNTS);
		if (off > most) {
			most = off;
			at = i;
		}
	}
	return { at, off: Math.sqrt(Math.max(0, most)) };
}

/** Weights between points that stay. What weighs less than `least` isn't worked out further. */
function weigh(line: Line, records: Records, least: number): void {
	const open: [number, number, number][] = [];
	let a = 0;
	for (let b = 1; b < line.count; b++) {
		if (line.weight[b] !== Infinity) continue;
		if (b - a > 1) open.push([a, b, Infinity]);
		a = b;
	}
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		const [first, last, above] = next;
		const { at, off } = farthest(line, records, first, last);
		// A point never weighs more than what had to be there before it.
		const weight = Math.min(off, above);
		line.weight[at] = weight;
		if (weight < least) continue;
		if (at - first > 1) open.push([first, at, weight]);
		if (last - at > 1) open.push([at, last, weight]);
	}
}

/** Where the class of speed changes, and stays for long enough to be seen, the line has a point. */
function weighClasses(line: Line, records: Records): void {
	const starts = [0];
	const lengths: number[] = [];
	let length = 0;
	const classAt = (i: number) => speedClass(records.speed[line.from[i] ?? 0] ?? 0);
	for (let i = 1; i < line.count; i++) {
		length += Math.hypot((line.x[i] ?? 0) - (line.x[i - 1] ?? 0), (line.y[i] ?? 0) - (line.y[i - 1] ?? 0));
		if (classAt(i) === classAt(i - 1)) continue;
		lengths.push(length);
		length = 0;
		starts.push(i);
	}
	lengths.push(length);
	for (let run = 1; run < starts.length; run++) {
		// The change is at the last point of the run before: a point's speed is of the way that leads to it.
		const at = (starts[run] ?? 1) - 1;
		const seen = Math.min(lengths[run - 1] ?? 0, lengths[run] ?? 0) / CLASS_PIXELS;
		line.weight[at] = Math.max(line.weight[at] ?? 0, seen);
	}
}

/** What lies outside the box that one looks at may be sixteen times coarser. */
function favour(line: Line, records: Records, box: Box): void {
	for (let at = 0; at < line.count; at++) {
		const i = line.from[at] ?? 0;
		const latitude = records.latitude[i] ?? 0;
		const longitude = records.longitude[i] ?? 0;
		const in_ = latitude >= box.south && latitude <= box.north && longitude >= box.west && longitude <= box.east;
		if (!in_) line.weight[at] = (line.weight[at] ?? 0) / 16;
	}
}

/** The points that weigh at least so much, each with the mean speed of what was left out before it. */
function choose(line: Line, records: Records, least: number): Track {
	let count = 0;
	for (let at = 0; at < line.count; at++) if ((line.weight[at] ?? 0) >= least) count++;
	const track = emptyTrack(count);
	let n = 0;
	let sum = 0;
	let summed = 0;
	let gap = 0;
	for (let at = 0; at < line.count; at++) {
		const i = line.from[at] ?? 0;
		sum += records.speed[i] ?? 0;
		summed++;
		gap |= line.gap[at] ?? 0;
		if ((line.weight[at] ?? 0) < least) continue;
		track.time[n] = records.time[i] ?? 0;
		track.latitude[n] = records.latitude[i] ?? 0;
		track.longitude[n] = records.longitude[i] ?? 0;
		track.speed[n] = Math.max(0, Math.round(sum / summed));
		track.gap[n] = gap;
		n++;
		sum = summed = gap = 0;
	}
	return track;
}

/** The weight that at most so many points have. */
function leastFor(line: Line, points: number): number {
	if (line.count <= points) return 0;
	const sorted = line.weight.slice(0, line.count).sort();
	const least = sorted[line.count - points] ?? 0;
	// Many may weigh the same.
	return sorted[line.count - points - 1] === least ? least * (1 + 1e-12) + Number.MIN_VALUE : least;
}

export interface Wish {
	range: Range;
	/** Of the map: what isn't seen at it is left out. */
	zoom: number;
	/** What one looks at; null: all of it. */
	box: Box | null;
}

/** The packed track: as exact as was asked for, or as there is room for. */
export function packTrack(records: Records, pieces: readonly Piece[], wish: Wish): Uint8Array {
	const line = lineOf(records, pieces, wish.range);
	const pixel = 1 / (WORLD_PIXELS * 2 ** wish.zoom);
	// A bit less than half a pixel isn't seen.
	const wanted = 0.4 * pixel;
	weigh(line, records, wanted);
	weighClasses(line, records);
	if (wish.box !== null) favour(line, records, wish.box);
	let inRange = 0;
	for (let i = 0; i < records.count; i++) {
		const time = records.time[i] ?? 0;
		if (time >= wish.range.from && time < wish.range.to) inRange++;
	}
	for (let points = MOST_POINTS; ; points = Math.floor(points * 0.8)) {
		const least = Math.max(wanted, leastFor(line, points));
		const track = choose(line, records, least);
		track.records = inRange;
		track.until = wish.range.to;
		track.zoom = Number.isFinite(least) ? wish.zoom - Math.max(0, Math.log2(least / wanted)) : 0;
		const bytes = encodeTrack(track);
		if (bytes.length <= MOST_BYTES || points < 100) return bytes;
	}
}
