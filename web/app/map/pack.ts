/**
 * From the fleet's columns to what is drawn: single marks, and counts where marks would be a carpet. Pure.
 *
 * The world is cut into cells that lie still while the map is dragged. A cell with more than DENSE devices becomes one
 * count in the middle of them, else each device is a mark. The chosen device is always a mark.
 */
import type { Fleet } from '../live/fleet.ts';
import { states } from '../../shared/state.ts';
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

/** What lies on top of what: the later, the higher. */
const order = ['out', 'standing', 'nofix', 'silent', 'moving'] as const;
const layerOf = states.map((s) => order.indexOf(s));

export function pack(fleet: Fleet, shown: Uint32Array, view: View, chosen: number | undefined): Packed {
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
	return { marks, numbers, count, cells: [...cells.values()], inView };
}
