/** Light, dark or as the system: kept on this browser, so that the page has it before it knows the user. */

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];
const KEY = 'omnitrack.theme';

export function storedTheme(): Theme {
	const kept = localStorage.getItem(KEY);
	return themes.find((t) => t === kept) ?? 'auto';
}

export function applyTheme(theme: Theme): void {
	if (theme === 'auto') delete document.documentElement.dataset['theme'];
	else document.documentElement.dataset['theme'] = theme;
	localStorage.setItem(KEY, theme);
}
