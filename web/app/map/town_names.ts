/** How large the base map writes a town's name, and what room that takes. Pure. */

/** By zoom: a town's size of these (p) has a text of these pixels; between them it grows evenly. */
export const townSizes = [
	{ zoom: 4, p: [50, 70], px: [10, 12.5] },
	{ zoom: 9, p: [43, 65], px: [11, 16] },
] as const;

/** A name stands so far above its place, in heights of its text. */
export const TOWN_ABOVE = 0.35;
const LINE = 1.2;

const between = (at: number, [a, b]: readonly [number, number], [from, to]: readonly [number, number]) =>
	from + Math.min(1, Math.max(0, (at - a) / (b - a))) * (to - from);

/** CSS pixels. */
export function townSize(zoom: number, p: number): number {
	const [far, near] = townSizes;
	return between(zoom, [far.zoom, near.zoom], [between(p, far.p, far.px), between(p, near.p, near.px)]);
}

/** Left, top, right, bottom of a name that is `wide`, of a place at x, y. */
export function townBox(x: number, y: number, wide: number, size: number): [number, number, number, number] {
	const bottom = y - TOWN_ABOVE * size;
	return [x - wide / 2, bottom - LINE * size, x + wide / 2, bottom];
}
