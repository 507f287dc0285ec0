/**
 * From the fleet's columns to what is drawn: single marks, and counts where marks would be a carpet. Pure.
 *
 * The world is cut into cells that lie still while the map is dragged. A cell with more than DENSE devices becomes one
 * count in the middle of them, else each device is a mark. Counts that would lie on one another become one. The chosen device is always a mark. Where the server has
 * counted, its cells, which are finer, are added up in the same way.
 */
import type { Fleet } from '../live/fleet.ts';
import type { Cells } from '../../shared/live.ts';
import { states } from '../../shared/state.ts';
import { joinNear } from './join.ts';
import { worldSize } from './mercator.ts';

/** A mark: x and y, each as two floats that add up (a float alone is 2 m wide), degrees, state + CHOSEN. */
export const MARK_FLOATS = 6;
export const CHOSEN = 8;
/** Pixels of a cell's side. */
export const CELL = 60;
export const DENSE = 10;
/** From this zoom on each device is a mark. */
export const NO_COUNTS_ZOOM = 16;

export interface View {
	zoom: number;
	/** Mercator. */
	west: number;
	east: number;
	north: number;
	south: number;
}

export interface Cell {
	x: number;
	y: number;
	count: number;
	/** In the order of `states`. */
	byState: number[];
	/** Box of its devices, to zoom to. */
	west: number;
	east: number;
	north: number;
	south: number;
}

export interface Packed {
	marks: Float32Array;
	/** Numbers of the devices of the marks, in their order. */
	numbers: Uint32Array;
	count: number;
	cells: Cell[];
	/** Devices in view, marks and counted ones. */
	inView: number;
}

/** What lies on top of what, and has its name first: the later, the higher. What wants attention is never below. */
const order = ['out', 'standing', 'moving', 'nofix', 'silent'] as const;
const layerOf = states.map((s) => order.indexOf(s));

/** What the server has counted, in cells of the map. */
function addUp(counted: Cells, view: View): Cell[] {
	const size = CELL / worldSize(Math.floor(view.zoom));
	const part = 2 ** -counted.level;
	const cells = new Map<number, Cell>();
	for (let n = 0; n < counted.x.length; n++) {
		const west = (counted.x[n] ?? 0) * part;
		const north = (counted.y[n] ?? 0) * part;
		const x = west + part / 2;
		const y = north + part / 2;
		if (x < view.west - size || x > view.east + size || y < view.north - size || y > view.south + size) continue;
		const k = Math.floor(x / size) * 0x4000000 + Math.floor(y / size);
		let cell = cells.get(k);
		if (cell === undefined) {
			cell = { x: 0, y: 0, count: 0, byState: states.map(() => 0), west, east: x, north, south: y };
			cells.set(k, cell);
		}
		for (let state = 0; state < states.length; state++) {
			const more = counted.counts[n * states.length + state] ?? 0;
			cell.byState[state] = (cell.byState[state] ?? 0) + more;
			if (more === 0) continue;
			cell.count += more;
			cell.x += ((x - cell.x) * more) / cell.count;
			cell.y += ((y - cell.y) * more) / cell.count;
		}
		cell.west = Math.min(cell.west, west);
		cell.north = Math.min(cell.north, north);
		cell.east = Math.max(cell.east, west + part);
		cell.south = Math.max(cell.south, north + part);
	}
	return joinNear(
		[...cells.values()].filter((cell) => cell.count > 0),
		worldSize(view.zoom),
	);
}

/** `counted`: what the server has counted instead of sending it. */
export function pack(
	fleet: Fleet,
	shown: Uint32Array,
	view: View,
	chosen: number | undefined,
	counted: Cells | null = null,
): Packed {
	const own = packDevices(fleet, shown, view, chosen);
	if (counted === null) return own;
	const cells = addUp(counted, view);
	return { ...own, cells, inView: own.count + cells.reduce((n, cell) => n + cell.count, 0) };
}

function packDevices(fleet: Fleet, shown: Uint32Array, view: View, chosen: number | undefined): Packed {
	const size = CELL / worldSize(Math.floor(view.zoom));
	const counting = view.zoom < NO_COUNTS_ZOOM;
	const { x, y, flags, heading } = fleet;
	// A margin as wide as a cell, so that nothing pops up at the edge.
	const west = view.west - size;
	const east = view.east + size;
	const north = view.north - size;
	const south = view.south + size;

	const members = new Map<number, number>();
	const inside = new Uint32Array(shown.length);
	let inView = 0;
	const key = (i: number) => Math.floor((x[i] ?? 0) / size) * 0x4000000 + Math.floor((y[i] ?? 0) / size);
	for (const i of shown) {
		const px = x[i] ?? NaN;
		const py = y[i] ?? NaN;
		if (!(px >= west && px <= east && py >= north && py <= south)) continue;
		inside[inView++] = i;
		if (!counting) continue;
		const k = key(i);
		members.set(k, (members.get(k) ?? 0) + 1);
	}

	const cells = new Map<number, Cell>();
	const layers: number[][] = [[], [], [], [], [], []];
	for (let n = 0; n < inView; n++) {
		const i = inside[n] ?? 0;
		const state = (flags[i] ?? 0) & 7;
		if (state >= states.length) continue;
		if (i === chosen) {
			layers[5]?.push(i);
			continue;
		}
		const k = counting ? key(i) : 0;
		if (!counting || (members.get(k) ?? 0) <= DENSE) {
			layers[layerOf[state] ?? 0]?.push(i);
			continue;
		}
		const px = x[i] ?? 0;
		const py = y[i] ?? 0;
		let cell = cells.get(k);
		if (cell === undefined) {
			cell = { x: 0, y: 0, count: 0, byState: states.map(() => 0), west: px, east: px, north: py, south: py };
			cells.set(k, cell);
		}
		cell.count++;
		cell.x += (px - cell.x) / cell.count;
		cell.y += (py - cell.y) / cell.count;
		cell.byState[state] = (cell.byState[state] ?? 0) + 1;
		cell.west = Math.min(cell.west, px);
		cell.east = Math.max(cell.east, px);
		cell.north = Math.min(cell.north, py);
		cell.south = Math.max(cell.south, py);
	}

	const count = layers.reduce((n, l) => n + l.length, 0);
	const marks = new Float32Array(count * MARK_FLOATS);
	const numbers = new Uint32Array(count);
	let at = 0;
	for (const layer of layers)
		for (const i of layer) {
			const px = x[i] ?? 0;
			const py = y[i] ?? 0;
			const o = at * MARK_FLOATS;
			marks[o] = px;
			marks[o + 1] = py;
			marks[o + 2] = px - (marks[o] ?? 0);
			marks[o + 3] = py - (marks[o + 1] ?? 0);
			marks[o + 4] = ((heading[i] ?? 0) * 360) / 256;
			marks[o + 5] = ((flags[i] ?? 0) & 7) + (i === chosen ? CHOSEN : 0);
			numbers[at++] = i;
		}
	return { marks, numbers, count, cells: joinNear([...cells.values()], worldSize(view.zoom)), inView };
}
