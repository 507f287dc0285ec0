/** Languages. English is there at once; others are fetched when they are chosen. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import type { en } from './en/index.ts';
import { isLanguage, PSEUDO, type Language } from './languages.ts';
import { pseudo, type Tree } from './pseudo.ts';

declare module 'i18next' {
	interface CustomTypeOptions {
		defaultNS: 'translation';
		resources: { translation: typeof en };
	}
}

/** What an entry says: the whole house (whole.ts), or the sign-in alone (at_sign_in.ts), which opens at once. */
export type Texts = { en: Tree } & Record<Exclude<Language, 'en'>, () => Promise<Tree>>;

/** Kept on this browser, so that the page has it before it knows the user. */
const KEY = 'omnitrack.language';
const started: { texts: Texts | null } = { texts: null };

function wanted(): Language | typeof PSEUDO {
	const kept = localStorage.getItem(KEY);
	if (kept !== null && (isLanguage(kept) || kept === PSEUDO)) return kept;
	return navigator.languages.map((l) => l.split('-')[0] ?? '').find(isLanguage) ?? 'en';
}

async function bring(language: Language | typeof PSEUDO, texts: Texts): Promise<Tree> {
	if (language === 'en') return texts.en;
	return language === PSEUDO ? pseudo(texts.en) : await texts[language]();
}

async function show(language: Language | typeof PSEUDO): Promise<void> {
	if (started.texts !== null && !i18next.hasResourceBundle(language, 'translation'))
		i18next.addResourceBundle(language, 'translation', await bring(language, started.texts));
	await i18next.changeLanguage(language);
	document.documentElement.lang = language;
}

export async function startI18n(texts: Texts): Promise<void> {
	started.texts = texts;
	await i18next.use(initReactI18next).init({
		lng: 'en',
		fallbackLng: 'en',
		resources: { en: { translation: texts.en } },
		interpolation: { escapeValue: false },
		returnNull: false,
	});
	// A language that can't be fetched leaves English.
	await show(wanted()).catch(() => show('en'));
}

/** Null: as the browser asks for. */
export async function chooseLanguage(language: Language | null): Promise<void> {
	if (localStorage.getItem(KEY) === PSEUDO) return;
	if (language === null) localStorage.removeItem(KEY);
	else localStorage.setItem(KEY, language);
	const to = wanted();
	if (to !== i18next.language) await show(to);
}
