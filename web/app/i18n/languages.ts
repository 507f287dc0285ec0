/** The languages that one may choose, by their own names. */
export const languages = { en: 'English', de: 'Deutsch', pl: 'Polski' } as const;
export type Language = keyof typeof languages;

/** For tests alone (pseudo.ts). */
export const PSEUDO = 'en-XA';

export function isLanguage(name: string): name is Language {
	return Object.hasOwn(languages, name);
}
