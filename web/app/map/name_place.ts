/** Where a name stands beside its mark. Pure. */

/** CSS pixels between a name and the edge of the map. */
const EDGE = 4;

/**
 * The left end of a name: to the right of the mark, or to its left where it would run off the edge. Null: there is room for
 * it on neither side. `off`: between the mark's middle and the name.
 */
export function nameLeft(x: number, off: number, wide: number, width: number): number | null {
	if (x + off + wide <= width - EDGE) return x + off;
	return x - off - wide >= EDGE ? x - off - wide : null;
}
