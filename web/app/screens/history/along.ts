/** Where a track is at a time, what of it is nearest to a point, and its lines for the map. Pure. */
import type { Feature, MultiLineString, Position } from 'geojson';
import { SPEED_CLASSES, speedClass, type Track } from '../../../shared/track.ts';

/** The last point at or before a time; -1: before all. */
export function indexAt(times: ArrayLike<number>, time: number): number {
	let low = 0;
	let high = times.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((times[middle] ?? 0) <= time) low = middle + 1;
		else high = middle;
	}
	return low - 1;
}

export interface Where {
	latitude: number;
	longitude: number;
	/** km/h on this piece of the way; null: it is not known what it did. */
	speed: number | null;
	/** Degrees from north; null: it stands. */
	heading: number | null;
}

/** Between two points of the track a device goes straight on. Null outside the track. */
export function whereAt(track: Track, time: number): Where | null {
	const i = indexAt(track.time, time);
	if (i < 0 || track.count === 0) return null;
	const latitude = track.latitude[i] ?? 0;
	const longitude = track.longitude[i] ?? 0;
	if (i === track.count - 1) return { latitude, longitude, speed: 0, heading: null };
	if (track.gap[i + 1] === 1) return { latitude, longitude, speed: null, heading: null };
	const start = track.time[i] ?? 0;
	const lasts = (track.time[i + 1] ?? 0) - start;
	const part = lasts > 0 ? (time - start) / lasts : 0;
	const dy = (track.latitude[i + 1] ?? 0) - latitude;
	const dx = (track.longitude[i + 1] ?? 0) - longitude;
	const speed = track.speed[i + 1] ?? 0;
	const narrow = Math.cos((latitude * Math.PI) / 180);
	return {
		latitude: latitude + part * dy,
		longitude: longitude + part * dx,
		speed,
		heading: dx === 0 && dy === 0 ? null : (Math.atan2(dx * narrow, dy) * 180) / Math.PI,
	};
}

/** The time at which the track is nearest to a point; null: it is farther than `reach`. Lengths are of the plane that x and y are of. */
export function nearest(
	track: Track,
	project: (longitude: number, latitude: number) => [number, number],
	x: number,
	y: number,
	reach: number,
): number | null {
	let best = reach * reach;
	let time: number | null = null;
	let [ax, ay] = [NaN, NaN];
	for (let i = 0; i < track.count; i++) {
		const [bx, by] = project(track.longitude[i] ?? 0, track.latitude[i] ?? 0);
		const known = i > 0 && track.gap[i] !== 1;
		const [dx, dy] = known ? [bx - ax, by - ay] : [0, 0];
		const length = dx * dx + dy * dy;
		// From the point before, where a piece of line leads here; else the point itself.
		const part = length > 0 ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length)) : 1;
		const [px, py] = known ? [ax + part * dx, ay + part * dy] : [bx, by];
		const off = (px - x) ** 2 + (py - y) ** 2;
		if (off < best) {
			best = off;
			const before = known ? (track.time[i - 1] ?? 0) : (track.time[i] ?? 0);
			time = before + part * ((track.time[i] ?? 0) - before);
		}
		[ax, ay] = [bx, by];
	}
	return time;
}

/** Lines by class of speed, in order, and last the gaps. */
export function linesOf(track: Track): Feature<MultiLineString, { kind: number }>[] {
	const GAPS = SPEED_CLASSES.length;
	const lines: Position[][][] = Array.from({ length: GAPS + 1 }, () => []);
	let before = -1;
	let line: Position[] = [];
	for (let i = 1; i < track.count; i++) {
		const kind = track.gap[i] === 1 ? GAPS : speedClass(track.speed[i] ?? 0);
		if (kind !== before) {
			line = [[track.longitude[i - 1] ?? 0, track.latitude[i - 1] ?? 0]];
			lines[kind]?.push(line);
			before = kind;
		}
		line.push([track.longitude[i] ?? 0, track.latitude[i] ?? 0]);
	}
	return lines.map((coordinates, kind) => ({
		type: 'Feature',
		properties: { kind: kind === GAPS ? -1 : kind },
		geometry: { type: 'MultiLineString', coordinates },
	}));
}

/** What the track covers; null: it has no point. */
export function extentOf(track: Track): { west: number; south: number; east: number; north: number } | null {
	if (track.count === 0) return null;
	const box = { west: Infinity, south: Infinity, east: -Infinity, north: -Infinity };
	for (let i = 0; i < track.count; i++) {
		box.west = Math.min(box.west, track.longitude[i] ?? 0);
		box.east = Math.max(box.east, track.longitude[i] ?? 0);
		box.south = Math.min(box.south, track.latitude[i] ?? 0);
		box.north = Math.max(box.north, track.latitude[i] ?? 0);
	}
	return box;
}
