/**
 * Tiles of the map (Web Mercator), which name the rooms of the live feed: `level/x/y`. A client asks for the tiles of
 * its view, at most MAX_TILES, else of a coarser level.
 */

export const MAX_TILES = 32;
/** Levels that rooms have: fewer than the map's zooms, so that zooming seldom changes rooms. */
export const LEVELS = [0, 2, 4, 6, 8, 10, 12] as const;
export const MAX_LEVEL = 12;

export interface Box {
	west: number;
	south: number;
	east: number;
	north: number;
}

const MAX_LATITUDE = 85.05112878;

export function tileX(longitude: number, level: number): number {
	const n = 2 ** level;
	return Math.min(n - 1, Math.max(0, Math.floor(((longitude + 180) / 360) * n)));
}

export function tileY(latitude: number, level: number): number {
	const n = 2 ** level;
	const lat = (Math.min(MAX_LATITUDE, Math.max(-MAX_LATITUDE, latitude)) * Math.PI) / 180;
	return Math.min(n - 1, Math.max(0, Math.floor(((1 - Math.asinh(Math.tan(lat)) / Math.PI) / 2) * n)));
}

export function tileName(level: number, x: number, y: number): string {
	return `${level}/${x}/${y}`;
}

/** Is a place of the world as a square from 0 to 1 (x to the east, y to the south) in one of these tiles? */
export function insideTiles(tiles: readonly string[]): (x: number, y: number) => boolean {
	const levels = tilesByLevel(tiles).map(({ level, named }) => ({ size: 2 ** level, named }));
	// In the world is also what has no place.
	return (x, y) =>
		levels.some(({ size, named }) => size === 1 || named.has(Math.floor(x * size) * size + Math.floor(y * size)));
}

/** The tiles of each level, each as x * 2^level + y. */
export function tilesByLevel(tiles: readonly string[]): { level: number; named: Set<number> }[] {
	const levels = new Map<number, Set<number>>();
	for (const tile of tiles) {
		const [level = 0, x = 0, y = 0] = tile.split('/').map(Number);
		levels.set(level, (levels.get(level) ?? new Set()).add(x * 2 ** level + y));
	}
	return [...levels].map(([level, named]) => ({ level, named }));
}

/** The tiles that cover a box, of the finest level with at most MAX_TILES. West may be greater than east (180°). */
export function tilesOf(box: Box): string[] {
	const spans =
		box.west <= box.east ? [[box.west, box.east] as const] : [[box.west, 180] as const, [-180, box.east] as const];
	for (const level of [...LEVELS].reverse()) {
		const top = tileY(box.north, level);
		const bottom = tileY(box.south, level);
		const names = new Set<string>();
		const columns = spans.reduce((n, [w, e]) => n + tileX(e, level) - tileX(w, level) + 1, 0);
		if (columns * (bottom - top + 1) > MAX_TILES) continue;
		for (const [west, east] of spans)
			for (let x = tileX(west, level); x <= tileX(east, level); x++)
				for (let y = top; y <= bottom; y++) names.add(tileName(level, x, y));
		return [...names];
	}
	return [tileName(0, 0, 0)];
}
