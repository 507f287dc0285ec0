/** How a history says times, lengths of time, distances and names of values. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { useMeasures } from '../../i18n/measures.ts';
import { useOwn } from '../../i18n/own.ts';

export interface Words {
	/** 14:05, or with the day where the time shown is longer than one. */
	time: (at: string | number) => string;
	/** "1 h 20 min" */
	lasting: (seconds: number) => string;
	distance: (metres: number) => string;
	speed: (kmh: number) => string;
	number: (value: number) => string;
	/** "external_voltage" is "External voltage". */
	value: (name: string | null, of: string) => string;
}

export function useWords(oneDay: boolean): Words {
	const { t } = useTranslation();
	const locale = useLocale();
	const { timeZone } = useOwn();
	const measures = useMeasures();
	return useMemo(() => {
		const clock = new Intl.DateTimeFormat(locale, {
			...(oneDay ? {} : { weekday: 'short', day: 'numeric' }),
			hour: '2-digit',
			minute: '2-digit',
			timeZone,
		});
		const plain = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
		return {
			time: (at) => clock.format(new Date(at)),
			lasting(s) {
				if (s < 60) return t('history.seconds', { s: Math.round(s) });
				const minutes = Math.round(s / 60);
				const h = Math.floor(minutes / 60);
				const m = minutes % 60;
				if (h === 0) return t('history.minutes', { m });
				return m === 0 ? t('history.hours', { h }) : t('history.hoursMinutes', { h, m });
			},
			distance: measures.length,
			speed: measures.speed,
			number: (value) => plain.format(value),
			value(name, of) {
				if (name === 'speed' || name === 'altitude' || name === 'satellites') return t(`history.${name}`);
				const words = (name ?? `io_${of}`).replaceAll('_', ' ');
				return words.charAt(0).toLocaleUpperCase(locale) + words.slice(1);
			},
		};
	}, [t, locale, timeZone, measures, oneDay]);
}
