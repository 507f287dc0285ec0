/** What is said of trips, stops and gaps: where, how far, how long. Pure. */
import { distance, ignitionOf, isValid, type Records } from './records.ts';
import { arrivalOf, type Piece } from './pieces.ts';

/** Faster than this between two fixes, one of them is wrong: the way between them isn't counted. km/h */
export const IMPOSSIBLE_KMH = 400;

export interface Spot {
	latitude: number;
	longitude: number;
}

export interface Span {
	/** Milliseconds, within the range that was asked for. */
	from: number;
	to: number;
	/** It goes on outside the range. */
	beginsBefore: boolean;
	endsAfter: boolean;
	records: number;
}

export interface Trip extends Span {
	start: Spot | null;
	end: Spot | null;
	distanceM: number;
	/** km/h */
	maxSpeed: number;
	/** km/h over its whole time. */
	meanSpeed: number;
}

export interface Stop extends Span {
	place: Spot | null;
	/** Milliseconds with ignition on; null: it doesn't send it. */
	idle: number | null;
}

export interface Gap {
	from: number;
	to: number;
	/** As the crow flies, between the places before and after; null: one isn't known. */
	distanceM: number | null;
}

export interface Range {
	from: number;
	to: number;
}

function spot(records: Records, i: number): Spot | null {
	return i < 0 ? null : { latitude: records.latitude[i] ?? 0, longitude: records.longitude[i] ?? 0 };
}

/** The nearest record with a place, from `i` on in steps of `by`, up to `end`; -1: none. */
function placeFrom(records: Records, i: number, end: number, by: 1 | -1): number {
	for (let at = i; by === 1 ? at <= end : at >= end; at += by) if (isValid(records, at)) return at;
	return -1;
}

/** A wrong fix that lies far off doesn't count: the way to it and the way back are left out. */
export function wayOf(records: Records, first: number, last: number, range: Range): number {
	let metres = 0;
	let before = -1;
	for (let i = first; i <= last; i++) {
		if (!isValid(records, i)) continue;
		if (before >= 0 && inside(records, i, range)) {
			const step = distance(records, before, i);
			const hours = ((records.time[i] ?? 0) - (records.time[before] ?? 0)) / 3_600_000;
			if (step <= 50 || step / 1000 <= IMPOSSIBLE_KMH * hours) metres += step;
		}
		before = i;
	}
	return metres;
}

function inside(records: Records, i: number, range: Range): boolean {
	const time = records.time[i] ?? 0;
	return time >= range.from && time < range.to;
}

function span(records: Records, piece: Piece, range: Range): Span {
	let count = 0;
	for (let i = piece.first; i <= piece.last; i++) if (inside(records, i, range)) count++;
	return {
		from: Math.max(piece.from, range.from),
		to: Math.min(piece.to, range.to),
		beginsBefore: piece.from < range.from,
		endsAfter: piece.to > range.to || piece.last === records.count - 1,
		records: count,
	};
}

function tripOf(records: Records, piece: Piece, next: Piece | undefined, range: Range): Trip {
	const said = span(records, piece, range);
	const last = arrivalOf(piece, next);
	const metres = wayOf(records, piece.first, last, range);
	let maxSpeed = 0;
	let first = -1;
	let end = -1;
	for (let i = piece.first; i <= last; i++) {
		if (!isValid(records, i) || !inside(records, i, range)) continue;
		if (first < 0) first = i;
		end = i;
		maxSpeed = Math.max(maxSpeed, records.speed[i] ?? 0);
	}
	const hours = (said.to - said.from) / 3_600_000;
	return {
		...said,
		start: spot(records, first),
		end: spot(records, end),
		distanceM: Math.round(metres),
		maxSpeed,
		meanSpeed: hours > 0 ? Math.round(metres / 100 / hours) / 10 : 0,
	};
}

function stopOf(records: Records, piece: Piece, range: Range): Stop {
	let latitude = 0;
	let longitude = 0;
	let places = 0;
	let idle: number | null = null;
	const origin = placeFrom(records, piece.first, piece.last, 1);
	for (let i = piece.first; i <= piece.last; i++) {
		if (isValid(records, i)) {
			latitude += records.latitude[i] ?? 0;
			// Around 180° the mean of both sides would be on the other side of the earth.
			longitude += near(records.longitude[i] ?? 0, records.longitude[origin] ?? 0);
			places++;
		}
		const ignition = ignitionOf(records, i);
		if (ignition === null) continue;
		const until = i === piece.last ? piece.to : (records.time[i + 1] ?? 0);
		const from = Math.max(records.time[i] ?? 0, range.from);
		idle = (idle ?? 0) + (ignition ? Math.max(0, Math.min(until, range.to) - from) : 0);
	}
	const place =
		places === 0 ? null : { latitude: round(latitude / places), longitude: near(round(longitude / places), 0) };
	return { ...span(records, piece, range), place, idle };
}

/** The same meridian, less than half a turn away from another. */
function near(longitude: number, other: number): number {
	if (longitude - other > 180) return longitude - 360;
	return longitude - other < -180 ? longitude + 360 : longitude;
}

function round(degrees: number): number {
	return Math.round(degrees * 1e6) / 1e6;
}

function gapOf(records: Records, piece: Piece, range: Range): Gap {
	const before = placeFrom(records, piece.first, 0, -1);
	const after = placeFrom(records, piece.last, records.count - 1, 1);
	return {
		from: Math.max(piece.from, range.from),
		to: Math.min(piece.to, range.to),
		distanceM: before < 0 || after < 0 ? null : Math.round(distance(records, before, after)),
	};
}

export interface Described {
	trips: Trip[];
	stops: Stop[];
	gaps: Gap[];
}

/**
 * Pieces within a range. Records may go one beyond it on each side: then it is known what was going on when it begins
 * and ends.
 */
export function describe(records: Records, pieces: readonly Piece[], range: Range): Described {
	const found: Described = { trips: [], stops: [], gaps: [] };
	pieces.forEach((piece, at) => {
		// What only touches the range is outside; what has no length is inside where its record is.
		if (piece.to < range.from || piece.from >= range.to) return;
		if (piece.to === range.from && piece.from < range.from) return;
		if (piece.kind === 'trip') found.trips.push(tripOf(records, piece, pieces[at + 1], range));
		else if (piece.kind === 'stop') found.stops.push(stopOf(records, piece, range));
		else found.gaps.push(gapOf(records, piece, range));
	});
	return found;
}
