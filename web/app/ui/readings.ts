/** Decoded values in words: which come first, their units, how many digits. Units of the view device_state. */
import type { en } from '../i18n/en.ts';

export type ReadingKey = keyof (typeof en)['reading'];

type Form = { unit?: string; digits?: number; scale?: number };

const forms: Partial<Record<ReadingKey, Form>> = {
	external_voltage_v: { unit: 'V', digits: 1 },
	battery_voltage_v: { unit: 'V', digits: 2 },
	battery_level_percent: { unit: '%', digits: 0 },
	odometer_m: { unit: 'km', digits: 0, scale: 1e-3 },
	vehicle_odometer_m: { unit: 'km', digits: 0, scale: 1e-3 },
	trip_odometer_m: { unit: 'km', digits: 1, scale: 1e-3 },
	vehicle_speed_kmh: { unit: 'km/h', digits: 0 },
	fuel_level_l: { unit: 'l', digits: 0 },
	fuel_level_percent: { unit: '%', digits: 0 },
	engine_rpm: { unit: 'rpm', digits: 0 },
	coolant_temperature_c: { unit: '°C', digits: 0 },
	temperature_1_c: { unit: '°C', digits: 1 },
	temperature_2_c: { unit: '°C', digits: 1 },
	gsm_signal: { unit: '/ 5', digits: 0 },
	hdop: { digits: 1 },
	pdop: { digits: 1 },
};

/** In this order; what the device doesn't send is left out. */
export const readingOrder: readonly ReadingKey[] = [
	'ignition',
	'external_voltage_v',
	'battery_voltage_v',
	'battery_level_percent',
	'fuel_level_l',
	'fuel_level_percent',
	'engine_rpm',
	'coolant_temperature_c',
	'vehicle_speed_kmh',
	'odometer_m',
	'vehicle_odometer_m',
	'trip_odometer_m',
	'gsm_signal',
	'gnss_status',
	'movement',
	'trip',
	'unplugged',
	'temperature_1_c',
	'temperature_2_c',
	'sleep_mode',
	'din1',
	'din2',
	'din3',
	'dout1',
	'dout2',
	'driver_id',
	'vin',
	'hdop',
];

export interface Said {
	text: string;
	unit: string;
}

export function sayNumber(value: number, locale: string, digits = 3): string {
	return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

/** Null: the device doesn't send it. `yes` and `no` are the words for flags. */
export function sayReading(key: ReadingKey, value: unknown, locale: string, yes: string, no: string): Said | null {
	if (value === null || value === undefined) return null;
	if (typeof value === 'boolean') return { text: value ? yes : no, unit: '' };
	const form = forms[key] ?? {};
	const number = typeof value === 'number' ? value : Number(value);
	if (typeof value === 'string' && (Number.isNaN(number) || form.unit === undefined)) return { text: value, unit: '' };
	if (Number.isNaN(number)) return null;
	return { text: sayNumber(number * (form.scale ?? 1), locale, form.digits ?? 2), unit: form.unit ?? '' };
}
