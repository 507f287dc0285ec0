// Tiles of a view: the finest level with at most 32, over the date line too.
import { expect, it } from 'vitest';
import { MAX_TILES, tilesOf, tileX, tileY } from '../../shared/tiles.ts';

it('knows known places', () => {
	// London's tile of level 10 in every street map.
	expect([tileX(-0.1278, 10), tileY(51.5074, 10)]).toEqual([511, 340]);
});

it('covers the world with one level', () => {
	expect(tilesOf({ west: -180, south: -85, east: 180, north: 85 })).toHaveLength(16);
});

it('never asks for more than allowed', () => {
	for (const size of [0.001, 0.1, 1, 5, 20, 60]) {
		const tiles = tilesOf({ west: 25 - size, south: 54 - size / 2, east: 25 + size, north: 54 + size / 2 });
		expect(tiles.length).toBeGreaterThan(0);
		expect(tiles.length).toBeLessThanOrEqual(MAX_TILES);
	}
});

it('goes over the date line', () => {
	const tiles = tilesOf({ west: 179.9, south: -18, east: -179.9, north: -17.9 });
	expect(tiles.some((t) => t.split('/')[1] === '0')).toBe(true);
	expect(tiles.length).toBeLessThanOrEqual(MAX_TILES);
});
