/** What the installation has set as its map (WEB_MAP_STYLE), as pages are told. */

export const mapKinds = ['shipped', 'pmtiles', 'raster', 'style'] as const;

export interface MapSetting {
	/** shipped: the base map that comes along, which needs no network. */
	kind: (typeof mapKinds)[number];
	/** Of the file, the template or the style; {theme} in it: light or dark. */
	url: string | null;
	/** Whose map it is, as text; null: the map says so itself. */
	attribution: string | null;
}

/** How near a single device is looked at: the base map that ships has nothing but its colour farther in. */
export function nearOf(kind: MapSetting['kind']): number {
	return kind === 'shipped' ? 9 : 13;
}
