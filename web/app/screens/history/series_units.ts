/** A series of speeds or lengths in the user's units; all else stays as it is. Pure. */
import type { Series } from '../../api/history.ts';
import { converted, measured, type Quantity } from '../../i18n/measures.ts';
import type { Units } from '../../i18n/own.ts';

/** What the server calls the units that have another name elsewhere. */
const quantities: Partial<Record<string, Quantity>> = { 'km/h': 'speed', km: 'distance', m: 'height' };

export function inUnits(series: Series, units: Units): Series {
	const quantity = series.unit === null ? undefined : quantities[series.unit];
	if (quantity === undefined || units === 'metric') return series;
	const to = (value: number) => converted(quantity, value, units);
	return {
		...series,
		unit: measured(quantity, 0, 'en', units).unit,
		min: series.min.map(to),
		max: series.max.map(to),
	};
}
