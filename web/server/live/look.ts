/**
 * One look over the whole fleet for one client: what its tiles hold, and how many there are in all. Pure.
 */
import { tilesByLevel, type Box } from '../../shared/tiles.ts';
import { states, type State } from '../../shared/state.ts';
import { FINEST_LEVEL, NOWHERE, type Columns } from '../fleet/columns.ts';
import { passes, type Filter } from '../fleet/search.ts';
import { sees, type VisibilityClass } from './rooms.ts';

/** What a client with too large a fleet has its server filter. */
export type ViewFilter = Omit<Filter, 'visible' | 'ids'>;

export interface Look {
	/** Those in the tiles that pass the filter. */
	found: number[];
	/** All that the client may see, whatever the filter. */
	devices: number;
	/** In each state, those that pass the filter without its states. */
	counts: number[];
	/** Around those that pass the filter, wherever they are. */
	box: Box | null;
}

/** Is a place in one of these tiles? One whose place is not known is in that of the world alone. */
export function insideOf(fleet: Columns, tiles: readonly string[]): (at: number) => boolean {
	const levels = tilesByLevel(tiles);
	const world = levels.some(({ level }) => level === 0);
	const shifts = levels.map(({ level, named }) => ({ level, named, shift: FINEST_LEVEL - level }));
	return (at) => {
		if (world) return true;
		if (fleet.latitude[at] === NOWHERE) return false;
		const x = fleet.tileX[at] ?? 0;
		const y = fleet.tileY[at] ?? 0;
		return shifts.some(({ level, named, shift }) => named.has((x >>> shift) * 2 ** level + (y >>> shift)));
	};
}

/** The box is as fine as this many parts of the world. */
const PARTS = 4096;
/** So many at each end are left aside, so that one device at 0° 0° doesn't make the world the box. */
const OUTLIERS = 0.01;

/** Where the first and the last are, of all but the outliers. */
function ends(parts: Uint32Array, count: number): [number, number] {
	const aside = Math.floor(count * OUTLIERS);
	const from = (step: 1 | -1): number => {
		let left = aside;
		for (let i = step === 1 ? 0 : PARTS - 1; i >= 0 && i < PARTS; i += step) {
			left -= parts[i] ?? 0;
			if (left < 0) return i;
		}
		return 0;
	};
	return [from(1), from(-1) + 1];
}

function latitudeOf(part: number): number {
	return (Math.atan(Math.sinh(Math.PI * (1 - (2 * part) / PARTS))) * 180) / Math.PI;
}

export function look(
	fleet: Columns,
	visibility: VisibilityClass,
	tiles: readonly string[],
	filter: ViewFilter | null,
	now: number,
): Look {
	const inside = insideOf(fleet, tiles);
	const pass = filter === null ? () => true : passes(fleet, { ...filter, visible: null }, now);
	const wanted = filter?.states === undefined ? null : new Set<State>(filter.states);
	const isWanted = states.map((s) => wanted === null || wanted.has(s));
	const columns = new Uint32Array(PARTS);
	const rows = new Uint32Array(PARTS);
	const shift = FINEST_LEVEL - Math.log2(PARTS);
	const counts = states.map(() => 0);
	const found: number[] = [];
	let devices = 0;
	let placed = 0;
	for (let at = 0; at < fleet.size; at++) {
		const device = fleet.inventory[at];
		if (!device || !sees(visibility, device.group)) continue;
		devices++;
		if (!pass(at, device)) continue;
		const state = fleet.state[at] ?? 0;
		counts[state] = (counts[state] ?? 0) + 1;
		if (isWanted[state] !== true) continue;
		if (inside(at)) found.push(at);
		if (fleet.latitude[at] === NOWHERE) continue;
		const x = (fleet.tileX[at] ?? 0) >>> shift;
		const y = (fleet.tileY[at] ?? 0) >>> shift;
		columns[x] = (columns[x] ?? 0) + 1;
		rows[y] = (rows[y] ?? 0) + 1;
		placed++;
	}
	if (placed === 0) return { found, devices, counts, box: null };
	const [west, east] = ends(columns, placed);
	const [north, south] = ends(rows, placed);
	const box = {
		west: (west / PARTS) * 360 - 180,
		east: (east / PARTS) * 360 - 180,
		north: latitudeOf(north),
		south: latitudeOf(south),
	};
	return { found, devices, counts, box };
}
