/**
 * Parts a device's records into trips, stops and gaps. Pure. doc/history.md has the rules in words.
 *
 * A record moves at 5 km/h and more, and stands below. Without a fix the movement element says so, else ignition that is
 * off says that it stands, else it does what the record before did. A pause of over 10 minutes is a gap, unless the
 * device stood before it and stands after it, or leaves, where it was. What stands for 3 minutes is a stop, what is
 * shorter belongs to the trip. A trip that never gets 100 m away is no trip.
 */
import { MOVING_SPEED } from '../../shared/state.ts';
import { distance, ignitionOf, isValid, movementOf, type Records } from './records.ts';

export const STOP_MS = 3 * 60_000;
export const GAP_MS = 10 * 60_000;
/** Where a device that stood is found again within this, it has stood there all the time. */
export const SAME_PLACE_M = 300;
/** A trip gets at least so far from where it began. */
export const TRIP_M = 100;

export interface Piece {
	kind: 'trip' | 'stop' | 'gap';
	/** Its records; of a gap, those on both sides. */
	first: number;
	last: number;
	/** Milliseconds. A trip or stop lasts until the next piece begins, or its last record. */
	from: number;
	to: number;
}

/** Of each record, 1 if it moves. */
export function movingOf(records: Records): Uint8Array {
	const moving = new Uint8Array(records.count);
	for (let i = 0; i < records.count; i++) moving[i] = moves(records, i, moving[i - 1] === 1) ? 1 : 0;
	return moving;
}

function moves(records: Records, i: number, before: boolean): boolean {
	if (isValid(records, i)) return (records.speed[i] ?? 0) >= MOVING_SPEED;
	return movementOf(records, i) ?? (ignitionOf(records, i) === false ? false : before);
}

/** The newest record up to each one that has a place; -1: none yet. */
function lastPlaces(records: Records): Int32Array {
	const last = new Int32Array(records.count);
	for (let i = 0; i < records.count; i++) last[i] = isValid(records, i) ? i : (last[i - 1] ?? -1);
	return last;
}

/** Is what lies between the record and the one before it not known? */
function gapBefore(records: Records, moving: Uint8Array, places: Int32Array, i: number): boolean {
	if ((records.time[i] ?? 0) - (records.time[i - 1] ?? 0) <= GAP_MS) return false;
	if (moving[i - 1] === 1) return true;
	const before = places[i - 1] ?? -1;
	return before >= 0 && isValid(records, i) && distance(records, before, i) > SAME_PLACE_M;
}

/** One run after the other of records that move or stand, and gaps. */
function runsOf(records: Records, moving: Uint8Array, places: Int32Array): Piece[] {
	const runs: Piece[] = [];
	let first = 0;
	const time = (i: number) => records.time[i] ?? 0;
	const end = (last: number, to: number) => {
		runs.push({ kind: moving[first] === 1 ? 'trip' : 'stop', first, last, from: time(first), to });
	};
	for (let i = 1; i < records.count; i++) {
		if (gapBefore(records, moving, places, i)) {
			end(i - 1, time(i - 1));
			runs.push({ kind: 'gap', first: i - 1, last: i, from: time(i - 1), to: time(i) });
			first = i;
		} else if (moving[i] !== moving[i - 1]) {
			end(i - 1, time(i));
			first = i;
		}
	}
	if (records.count > 0) end(records.count - 1, time(records.count - 1));
	return runs;
}

/** Neighbours of one kind become one piece. */
function joined(pieces: readonly Piece[]): Piece[] {
	const found: Piece[] = [];
	for (const piece of pieces) {
		const before = found.at(-1);
		if (before?.kind === piece.kind && piece.kind !== 'gap') {
			before.last = piece.last;
			before.to = piece.to;
		} else found.push({ ...piece });
	}
	return found;
}

/** A trip arrives where the next piece begins, unless that is a gap. */
export function arrivalOf(piece: Piece, next: Piece | undefined): number {
	return next === undefined || next.kind === 'gap' ? piece.last : next.first;
}

/** Does it ever get away from where it began? */
function leaves(records: Records, piece: Piece, arrival: number, places: Int32Array): boolean {
	const start = places[piece.first] ?? -1;
	for (let i = piece.first; i <= arrival; i++) {
		if (!isValid(records, i)) continue;
		if (start < 0 || distance(records, start, i) >= TRIP_M) return true;
	}
	return false;
}

export function piecesOf(records: Records): Piece[] {
	const moving = movingOf(records);
	const places = lastPlaces(records);
	const runs = runsOf(records, moving, places);
	const long = runs.map((run, at) => {
		const beside = runs[at - 1]?.kind === 'trip' || runs[at + 1]?.kind === 'trip';
		return run.kind === 'stop' && beside && run.to - run.from < STOP_MS ? { ...run, kind: 'trip' as const } : run;
	});
	const trips = joined(long);
	const real = trips.map((piece, at) =>
		piece.kind === 'trip' && !leaves(records, piece, arrivalOf(piece, trips[at + 1]), places)
			? { ...piece, kind: 'stop' as const }
			: piece,
	);
	return joined(real);
}
