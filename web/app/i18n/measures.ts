/** Speeds, distances, heights in the user's units, written as in the language. They come in as km/h, km and m. */
import { useMemo } from 'react';
import { useLocale } from './locale.ts';
import { useOwn, type Units } from './own.ts';

export type Quantity = 'speed' | 'distance' | 'height';

const MILE_KM = 1.609344;
const FOOT_M = 0.3048;

/** The unit, and how much of ours it is. */
const forms: Record<Units, Record<Quantity, readonly [unit: string, size: number]>> = {
	metric: { speed: ['kilometer-per-hour', 1], distance: ['kilometer', 1], height: ['meter', 1] },
	imperial: { speed: ['mile-per-hour', MILE_KM], distance: ['mile', MILE_KM], height: ['foot', FOOT_M] },
};

export function converted(quantity: Quantity, value: number, units: Units): number {
	return value / forms[units][quantity][1];
}

function form(quantity: Quantity, locale: string, units: Units, digits: number): Intl.NumberFormat {
	return new Intl.NumberFormat(locale, {
		style: 'unit',
		unit: forms[units][quantity][0],
		maximumFractionDigits: digits,
	});
}

/** Number and unit apart. */
export function measured(quantity: Quantity, value: number, locale: string, units: Units, digits = 0) {
	const parts = form(quantity, locale, units, digits).formatToParts(converted(quantity, value, units));
	const join = (which: (type: string) => boolean) =>
		parts
			.filter((p) => which(p.type))
			.map((p) => p.value)
			.join('');
	return { text: join((type) => type !== 'unit' && type !== 'literal'), unit: join((type) => type === 'unit') };
}

export interface Measures {
	speed: (kmh: number) => string;
	/** "12 km" */
	away: (km: number) => string;
	/** "850 m", "12.3 km", "240 km" */
	length: (metres: number) => string;
	height: (metres: number) => string;
	unit: (quantity: Quantity) => string;
}

export function useMeasures(): Measures {
	const locale = useLocale();
	const { units } = useOwn();
	return useMemo(() => {
		const say = (quantity: Quantity, value: number, digits = 0) =>
			form(quantity, locale, units, digits).format(converted(quantity, value, units));
		const least = units === 'metric' ? 1000 : 0.1 * MILE_KM * 1000;
		return {
			speed: (kmh) => say('speed', kmh),
			away: (km) => say('distance', Math.max(forms[units].distance[1], km)),
			length: (metres) =>
				metres < least ? say('height', metres) : say('distance', metres / 1000, metres < 100_000 ? 1 : 0),
			height: (metres) => say('height', metres),
			unit: (quantity) => measured(quantity, 0, locale, units).unit,
		};
	}, [locale, units]);
}
