/** Colours of the theme in use, read from the tokens, for what CSS doesn't paint: canvas and WebGL. */
import { states } from '../../shared/state.ts';
import type { MarkColours, Rgb } from './fleet_layer.ts';

export interface Palette {
	css: (token: string) => string;
	marks: MarkColours;
	states: string[];
	dark: boolean;
}

/** Is that a colour to write on in white? */
function isDark([r, g, b]: Rgb): boolean {
	return 0.2 * r + 0.7 * g + 0.1 * b < 0.5;
}

export function readPalette(): Palette {
	const probe = document.createElement('span');
	document.body.append(probe);
	const css = (token: string): string => {
		probe.style.color = `var(--${token})`;
		return getComputedStyle(probe).color;
	};
	const rgb = (token: string): Rgb => {
		const parts =
			css(token)
				.match(/[\d.]+/g)
				?.map(Number) ?? [];
		return [(parts[0] ?? 0) / 255, (parts[1] ?? 0) / 255, (parts[2] ?? 0) / 255];
	};
	const tokens = [
		'surface',
		'ink',
		'ink-2',
		'ink-3',
		'line',
		'accent',
		'map-water',
		'map-land',
		'map-coast',
		'map-border',
		'map-city',
		'map-country',
		'map-halo',
		'map-green',
		'map-building',
		'map-road',
		'map-road-edge',
		'silent',
		'nofix',
		'speed-0',
		'speed-1',
		'speed-2',
		'speed-3',
		'speed-4',
		'speed-5',
	];
	const known = new Map(tokens.map((t) => [t, css(t)]));
	const palette: Palette = {
		css: (token) => known.get(token) ?? '#808080',
		marks: { states: states.map(rgb), halo: rgb('surface'), chosen: rgb('accent') },
		states: states.map(css),
		dark: isDark(rgb('surface')),
	};
	probe.remove();
	return palette;
}

/** Calls back when the theme changes, by the system or by the user. */
export function watchTheme(changed: () => void): () => void {
	const dark = matchMedia('(prefers-color-scheme: dark)');
	dark.addEventListener('change', changed);
	const observer = new MutationObserver(changed);
	observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
	return () => {
		dark.removeEventListener('change', changed);
		observer.disconnect();
	};
}
