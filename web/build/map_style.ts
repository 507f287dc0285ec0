/**
 * The map's own style without the pictures of its buttons, of which we show none: they would be more than all the rest of it.
 * A plugin for vite.
 */
import type { Plugin } from 'vite';

const PICTURED_RULE = /[^{}]+\{[^{}]*url\([^{}]*\}/g;

export function mapStyle(): Plugin {
	return {
		name: 'map-style',
		enforce: 'pre',
		transform: (code, id) =>
			id.endsWith('/maplibre-gl/dist/maplibre-gl.css') ? { code: code.replaceAll(PICTURED_RULE, ''), map: null } : null,
	};
}
