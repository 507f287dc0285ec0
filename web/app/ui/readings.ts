/** Decoded values in words: which come first, their units, how many digits. Units of the view device_state. */
import { measured, type Quantity } from '../i18n/measures.ts';
import type { Units } from '../i18n/own.ts';
import type { en } from '../i18n/en/index.ts';

export type ReadingKey = keyof (typeof en)['reading'];

type Form = {
	/** What the user's units are for. */
	quantity?: Quantity;
	unit?: string;
	digits?: number;
	scale?: number;
	/** A flag that is on or off, where others are yes or no. */
	switches?: true;
	/** Words of the dictionary, in small letters. */
	words?: true;
};

const forms: Partial<Record<ReadingKey, Form>> = {
	external_voltage_v: { unit: 'V', digits: 1 },
	battery_voltage_v: { unit: 'V', digits: 2 },
	battery_level_percent: { unit: '%', digits: 0 },
	odometer_m: { quantity: 'distance', scale: 1e-3 },
	vehicle_odometer_m: { quantity: 'distance', scale: 1e-3 },
	trip_odometer_m: { quantity: 'distance', digits: 1, scale: 1e-3 },
	vehicle_speed_kmh: { quantity: 'speed' },
	fuel_level_l: { unit: 'l', digits: 0 },
	fuel_level_percent: { unit: '%', digits: 0 },
	engine_rpm: { unit: 'rpm', digits: 0 },
	coolant_temperature_c: { unit: '°C', digits: 0 },
	temperature_1_c: { unit: '°C', digits: 1 },
	temperature_2_c: { unit: '°C', digits: 1 },
	gsm_signal: { unit: '/ 5', digits: 0 },
	ignition: { switches: true },
	din1: { switches: true },
	din2: { switches: true },
	din3: { switches: true },
	dout1: { switches: true },
	dout2: { switches: true },
	gnss_status: { words: true },
	sleep_mode: { words: true },
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

const ABBREVIATIONS = /\b(gnss|gsm|can|obd|io|rpm|vin|ble|usb|lvcan|adc|iccid)\b/gi;

/** "gnss on, with fix", "digital_input_1": as one writes it within a sentence. */
export function spelled(text: string): string {
	return text.replaceAll('_', ' ').replaceAll(ABBREVIATIONS, (w) => w.toUpperCase());
}

/** The same at the beginning of one. */
export function asWords(text: string): string {
	const words = spelled(text);
	return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * What happened: the dictionary's word for it. Where it has none, the element and what its value means; "entered" alone says
 * nothing.
 */
export function eventWords(e: {
	kind: string;
	name: string | null;
	label: string | null;
	text: string | null;
}): string {
	const said = e.label ?? e.text;
	const name = asWords(e.kind);
	if (e.kind !== e.name || said === null || asWords(said) === name) return name;
	return asWords(said).startsWith(name) ? asWords(said) : `${name}: ${said}`;
}

export interface FlagWords {
	yes: string;
	no: string;
	on: string;
	off: string;
}

/** Null: the device doesn't send it. */
export function sayReading(
	key: ReadingKey,
	value: unknown,
	locale: string,
	units: Units,
	flags: FlagWords,
): Said | null {
	if (value === null || value === undefined) return null;
	const form = forms[key] ?? {};
	if (typeof value === 'boolean')
		return { text: form.switches === true ? (value ? flags.on : flags.off) : value ? flags.yes : flags.no, unit: '' };
	if (form.words === true && typeof value === 'string') return { text: asWords(value), unit: '' };
	const number = typeof value === 'number' ? value : Number(value);
	if (typeof value === 'string' && (Number.isNaN(number) || (form.unit ?? form.quantity) === undefined))
		return { text: value, unit: '' };
	if (Number.isNaN(number)) return null;
	if (form.quantity !== undefined)
		return measured(form.quantity, number * (form.scale ?? 1), locale, units, form.digits ?? 0);
	return { text: sayNumber(number * (form.scale ?? 1), locale, form.digits ?? 2), unit: form.unit ?? '' };
}
