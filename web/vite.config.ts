// The browser's half: two entries (login has one of its own, so that it opens at once), into dist/app.
import { defineConfig } from 'vite';
import react from '@vitejs/plugin-react';
import { baseMap } from './build/base_map.ts';
import { firstLoadLimits } from './build/first_load.ts';
import { mapStyle } from './build/map_style.ts';
import { noticesPlugin } from './build/notices.ts';

export default defineConfig({
	root: new URL('app', import.meta.url).pathname,
	plugins: [react(), baseMap(), mapStyle(), firstLoadLimits(), noticesPlugin()],
	// The map's workers are modules. maplibre imports what ends in .mjs; all else it would evaluate, which the policy forbids.
	worker: { format: 'es', rolldownOptions: { output: { entryFileNames: 'assets/[name]-[hash].mjs' } } },
	css: { modules: { generateScopedName: '[name]_[local]_[hash:base64:4]' } },
	build: {
		outDir: new URL('dist/app', import.meta.url).pathname,
		emptyOutDir: true,
		// The page's policy allows no data: addresses for scripts, and fonts are to be cached.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		target: 'es2023',
		rolldownOptions: {
			input: {
				index: new URL('app/index.html', import.meta.url).pathname,
				login: new URL('app/login.html', import.meta.url).pathname,
			},
		},
	},
});
