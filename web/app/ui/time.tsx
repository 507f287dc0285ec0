/** Times in words: "12 s", "3 h", and in full on hover. Ages tick by one clock for the whole page. */
import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../i18n/locale.ts';
import { useLive } from '../live/context.tsx';

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
export function span(seconds: number, locale: string): string {
	const s = Math.max(0, Math.round(seconds));
	const [size, unit] = units.find(([u]) => s >= u) ?? units[3];
	return new Intl.NumberFormat(locale, {
		style: 'unit',
		unit,
		unitDisplay: unit === 'day' ? 'short' : 'narrow',
	}).format(Math.floor(s / size));
}

export function fullTime(ms: number, locale: string): string {
	return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(ms);
}

export function shortTime(ms: number, locale: string): string {
	const sameDay = new Date(ms).toDateString() === new Date().toDateString();
	return new Intl.DateTimeFormat(
		locale,
		sameDay ? { timeStyle: 'short' } : { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
	).format(ms);
}

/** How long ago something was, by the database's clock. */
export function Ago({ at }: { at: number | null }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const live = useLive();
	const now = useNow();
	if (at === null) return <span>{t('ago.never')}</span>;
	const seconds = (now + live.ahead - at) / 1000;
	return (
		<time dateTime={new Date(at).toISOString()} title={fullTime(at, locale)}>
			{seconds < 2 ? t('ago.now') : span(seconds, locale)}
		</time>
	);
}

/** A time of day, or with the date if it isn't today's. */
export function At({ at }: { at: string | number }) {
	const locale = useLocale();
	const ms = new Date(at).getTime();
	return (
		<time dateTime={new Date(ms).toISOString()} title={fullTime(ms, locale)}>
			{shortTime(ms, locale)}
		</time>
	);
}
