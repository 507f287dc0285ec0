/** Counts per cell instead of points, where there are too many. Pure. */
import type { Cells } from '../../shared/live.ts';
import { states } from '../../shared/state.ts';
import { tileX, tileY } from '../../shared/tiles.ts';
import { NOWHERE, type Columns } from '../fleet/columns.ts';

/** A tile is so many cells wide: 2^4. */
const FINER = 4;

export function cellsOf(fleet: Columns, places: readonly number[], tiles: readonly string[], asOf: number): Cells {
	const level = Math.max(0, ...tiles.map((t) => Number(t.split('/')[0]))) + FINER;
	const cells = new Map<number, number>();
	const made: Cells = { asOf, level, x: [], y: [], counts: [] };
	for (const at of places) {
		const latitude = fleet.latitude[at] ?? NOWHERE;
		if (latitude === NOWHERE) continue;
		const x = tileX((fleet.longitude[at] ?? 0) / 1e7, level);
		const y = tileY(latitude / 1e7, level);
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
