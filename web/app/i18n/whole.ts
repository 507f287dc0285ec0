/** All texts, for whoever is signed in. */
import { en } from './en/index.ts';
import type { Texts } from './index.ts';

export const whole: Texts = {
	en,
	de: async () => (await import('./de/index.ts')).de,
	pl: async () => (await import('./pl/index.ts')).pl,
};
