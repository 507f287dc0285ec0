/** Times in words: "12 s", "3 h", and in full on hover. Ages tick by one clock for the whole page. */
import { Fragment, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../i18n/locale.ts';
import { ownNow } from '../i18n/own.ts';
import { dayOf } from '../i18n/zone.ts';
import { useLive } from '../live/context.tsx';
import { FromServer } from './from_server.tsx';

const listeners = new Set<() => void>();
let second = Math.floor(Date.now() / 1000);
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
	listeners.add(listener);
	timer ??= setInterval(() => {
		if (document.hidden) return;
		second = Math.floor(Date.now() / 1000);
		for (const l of listeners) l();
	}, 1000);
	return () => {
		listeners.delete(listener);
		if (listeners.size === 0) {
			clearInterval(timer);
			timer = undefined;
		}
	};
}

/** Milliseconds since the epoch, a new value each second. */
export function useNow(): number {
	return useSyncExternalStore(subscribe, () => second) * 1000;
}

const units = [
	[86_400, 'day'],
	[3600, 'hour'],
	[60, 'minute'],
	[1, 'second'],
] as const;

/** "42 s", "7 min", "3 h", "12 d": the largest unit alone. */
export function useSpan(): (seconds: number) => string {
	const { t } = useTranslation();
	return (seconds) => {
		const s = Math.max(0, Math.round(seconds));
		const [size, unit] = units.find(([u]) => s >= u) ?? units[3];
		return t(`ago.${unit}`, { n: Math.floor(s / size) });
	};
}

export function fullTime(ms: number, locale: string): string {
	return new Intl.DateTimeFormat(locale, {
		dateStyle: 'medium',
		timeStyle: 'medium',
		timeZone: ownNow().timeZone,
	}).format(ms);
}

/** Seconds are for lists of what happens just now; another day's times have none. */
export function shortTime(ms: number, locale: string, seconds = false): string {
	const { timeZone } = ownNow();
	const form: Intl.DateTimeFormatOptions =
		dayOf(ms) === dayOf(Date.now())
			? { timeStyle: seconds ? 'medium' : 'short' }
			: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' };
	return new Intl.DateTimeFormat(locale, { ...form, timeZone }).format(ms);
}

/** How long ago something was, by the database's clock: "3 h", or in a sentence "3 h ago". */
export function Ago({ at, sentence = false }: { at: number | null; sentence?: boolean }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const live = useLive();
	const now = useNow();
	const span = useSpan();
	if (at === null) return <span>{t('ago.never')}</span>;
	const seconds = (now + live.ahead - at) / 1000;
	return (
		<time dateTime={new Date(at).toISOString()} title={fullTime(at, locale)}>
			{seconds < 2 ? t('ago.now') : sentence ? t('ago.past', { span: span(seconds) }) : span(seconds)}
		</time>
	);
}

/** A time of day, or with the date if it isn't today's. */
export function At({ at, seconds = false }: { at: string | number; seconds?: boolean }) {
	const locale = useLocale();
	const ms = new Date(at).getTime();
	return (
		<time dateTime={new Date(ms).toISOString()} title={fullTime(ms, locale)}>
			{shortTime(ms, locale, seconds)}
		</time>
	);
}

const WRITTEN = /(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** A text of the gateway's tools, in which times are written as 2027-01-15 08:00:00Z: here in the reader's own. */
export function TimedText({ text }: { text: string }) {
	return (
		<FromServer>
			{text.split(WRITTEN).map((part, i) => (
				<Fragment key={i}>{i % 2 === 1 ? <At at={part.replace(' ', 'T')} /> : part}</Fragment>
			))}
		</FromServer>
	);
}
