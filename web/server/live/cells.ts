/** Counts per cell instead of points, where there are too many. Pure. */
import type { Cells } from '../../shared/live.ts';
import { states } from '../../shared/state.ts';
import { FINEST_LEVEL, NOWHERE, type Columns } from '../fleet/columns.ts';

/** All cells of a view are about so many, 2^12: the fewer its tiles, the finer they are. */
const CELLS = 12;
/** A tile is at least so many cells wide, 2^4. */
const FINER = 4;

/** Level of the cells for so many tiles of a level. */
export function cellLevel(tiles: readonly string[]): number {
	const level = Math.max(0, ...tiles.map((t) => Number(t.split('/')[0])));
	const finer = Math.floor((CELLS - Math.log2(Math.max(1, tiles.length))) / 2);
	return Math.min(FINEST_LEVEL, level + Math.max(FINER, finer));
}

export function cellsOf(fleet: Columns, places: readonly number[], tiles: readonly string[], asOf: number): Cells {
	const level = cellLevel(tiles);
	const shift = FINEST_LEVEL - level;
	const cells = new Map<number, number>();
	const made: Cells = { asOf, level, x: [], y: [], counts: [] };
	for (const at of places) {
		if (fleet.latitude[at] === NOWHERE) continue;
		const x = (fleet.tileX[at] ?? 0) >>> shift;
		const y = (fleet.tileY[at] ?? 0) >>> shift;
		const key = x * 2 ** level + y;
		let cell = cells.get(key);
		if (cell === undefined) {
			cell = made.x.length;
			cells.set(key, cell);
			made.x.push(x);
			made.y.push(y);
			made.counts.push(...states.map(() => 0));
		}
		const i = cell * states.length + (fleet.state[at] ?? 0);
		made.counts[i] = (made.counts[i] ?? 0) + 1;
	}
	return made;
}
