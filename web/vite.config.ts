// The browser's half: two entries (login has one of its own, so that it opens at once), into dist/app.
import { defineConfig } from 'vite';
import react from '@vitejs/plugin-react';
import { baseMap } from './build/base_map.ts';

export default defineConfig({
	root: new URL('app', import.meta.url).pathname,
	plugins: [react(), baseMap()],
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
