/** settings: what the installation has set that pages must know. */
import { z } from 'zod';
import { route } from '../http/route.ts';

const Installation = z.object({
	version: z.string(),
	/** A style, a raster template or a .pmtiles file; null: the base map that ships. */
	mapStyle: z.string().nullable(),
	/** Is there a gateway on this host whose live trace can be had? */
	trace: z.boolean(),
});

export const settingsRoutes = [
	route({
		method: 'get',
		path: '/settings',
		action: 'self',
		tag: 'settings',
		summary: 'What this installation has set',
		answer: Installation,
		handler: ({ app }) => ({ version: app.version, mapStyle: app.config.WEB_MAP_STYLE ?? null, trace: true }),
	}),
];
