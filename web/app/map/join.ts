/** Counts whose circles would lie on one another become one. Pure. */
import type { Cell } from './pack.ts';

/** CSS pixels. */
export function cellRadius(count: number): number {
	return Math.min(26, 11 + 3.6 * Math.log10(count));
}

/** CSS pixels that two circles may share. */
const SHARED = 2;

function add(to: Cell, more: Cell): void {
	const count = to.count + more.count;
	to.x += ((more.x - to.x) * more.count) / count;
	to.y += ((more.y - to.y) * more.count) / count;
	to.count = count;
	more.byState.forEach((n, state) => (to.byState[state] = (to.byState[state] ?? 0) + n));
	to.west = Math.min(to.west, more.west);
	to.east = Math.max(to.east, more.east);
	to.north = Math.min(to.north, more.north);
	to.south = Math.max(to.south, more.south);
}

/** The cells, changed in place. `world`: CSS pixels of the whole world's width. */
export function joinNear(cells: Cell[], world: number): Cell[] {
	let kept = cells.sort((a, b) => b.count - a.count);
	// A sum lies elsewhere and is larger, so it may meet another one.
	for (let before = -1; before !== kept.length; ) {
		before = kept.length;
		const next: Cell[] = [];
		for (const cell of kept) {
			const near = next.find(
				(other) =>
					Math.hypot(other.x - cell.x, other.y - cell.y) * world <
					cellRadius(other.count) + cellRadius(cell.count) - SHARED,
			);
			if (near === undefined) next.push(cell);
			else add(near, cell);
		}
		kept = next;
	}
	return kept;
}
