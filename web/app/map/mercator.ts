/** Web Mercator: the world as a square from 0 to 1, x to the east, y to the south. */

const MAX_LATITUDE = 85.05112878;

export function mercatorX(longitude: number): number {
	return (longitude + 180) / 360;
}

export function mercatorY(latitude: number): number {
	const lat = Math.min(MAX_LATITUDE, Math.max(-MAX_LATITUDE, latitude));
	return (1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2;
}

export function longitudeOf(x: number): number {
	return x * 360 - 180;
}

export function latitudeOf(y: number): number {
	return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

/** Pixels (CSS) of the whole world at a zoom of maplibre. */
export function worldSize(zoom: number): number {
	return 512 * 2 ** zoom;
}
