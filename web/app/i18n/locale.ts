/**
 * How numbers and times are written: the user's own variant of the page's language, so that an English page in Europe
 * shows 24 hours. English without a country counts as British.
 */
import { useTranslation } from 'react-i18next';
import { useOwn } from './own.ts';

export function formatLocale(language: string, wanted: readonly string[]): string {
	const own = wanted.find((l) => l === language || l.startsWith(`${language}-`));
	return own ?? language;
}

/** Whoever writes a time is told, too, when the user's zone changes (own.ts). */
export function useLocale(): string {
	useOwn();
	const { i18n } = useTranslation();
	const locale = formatLocale(i18n.language, navigator.languages);
	return locale === 'en' ? 'en-GB' : locale;
}
