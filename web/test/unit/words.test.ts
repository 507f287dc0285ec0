import { describe, expect, test, vi } from 'vitest';
import { formatLocale } from '../../app/i18n/locale.ts';
import { eventWords, sayReading } from '../../app/ui/readings.ts';
import { rawText, timeOf, toneOf, valuesOf } from '../../app/screens/silent/trace_words.ts';

vi.mock('virtual:base-map', () => ({ cities: '', countries: '' }));
const { placeOf } = await import('../../app/map/places.ts');
const { unwrap } = await import('../../app/map/base_data.ts');

const cities = {
	names: ['Kaunas', 'Vilnius', 'Garliava'],
	longitude: Float32Array.from([23.9, 25.28, 23.87]),
	latitude: Float32Array.from([54.9, 54.69, 54.82]),
	size: Uint8Array.from([56, 57, 43]),
};

describe('a place in words', () => {
	test('in a city', () => expect(placeOf(cities, 54.91, 23.91)).toMatchObject({ city: 'Kaunas', direction: null }));
	test('beside one', () => {
		const place = placeOf(cities, 55.1, 23.5);
		expect(place).toMatchObject({ city: 'Kaunas', direction: 'nw' });
		expect(place?.distance).toBeCloseTo(33.9, 0);
	});
	test('far from all', () => expect(placeOf(cities, 0, 0)).toBeNull());
});

describe('lines over 180 degrees', () => {
	test('go on instead of jumping', () => {
		expect(
			unwrap([
				[170, 60],
				[-170, 61],
				[170, 62],
			]),
		).toEqual([
			[170, 60],
			[190, 61],
			[170, 62],
		]);
	});
	test('a ring around the pole is closed along it', () => {
		const ring = unwrap([
			[0, -70],
			[120, -70],
			[-120, -70],
			[0, -70],
		]);
		expect(ring.slice(-3)).toEqual([
			[360, -90],
			[0, -90],
			[0, -70],
		]);
	});
});

describe('readings', () => {
	const say = (key: Parameters<typeof sayReading>[0], value: unknown) =>
		sayReading(key, value, 'en', 'metric', { yes: 'Yes', no: 'No', on: 'On', off: 'Off' });
	test('have units', () => {
		expect(say('external_voltage_v', 12.65)).toEqual({ text: '12.7', unit: 'V' });
		expect(say('odometer_m', 284_113_200)).toEqual({ text: '284,113', unit: 'km' });
		expect(say('external_voltage_v', '12.65')).toEqual({ text: '12.7', unit: 'V' });
	});
	test('flags are words, texts stay', () => {
		expect(say('ignition', true)).toEqual({ text: 'On', unit: '' });
		expect(say('trip', true)).toEqual({ text: 'Yes', unit: '' });
		expect(say('gnss_status', 'gnss on, with fix')).toEqual({ text: 'GNSS on, with fix', unit: '' });
		expect(say('vin', 'YS2R4X2')).toEqual({ text: 'YS2R4X2', unit: '' });
		expect(say('driver_id', '0000019')).toEqual({ text: '0000019', unit: '' });
	});
	test('what is not sent is not said', () => expect(say('fuel_level_l', null)).toBeNull());
});

describe('the trace', () => {
	test('times in any unit', () => {
		for (const at of [1_800_000_000, 1_800_000_000_000, 1_800_000_000_000_000, '2027-01-15T08:00:00Z'])
			expect(timeOf({ at })).toBe(1_800_000_000_000);
		expect(timeOf({})).toBeNull();
	});
	test('an event without words is shown with what it carries', () => {
		expect(rawText({ at: 1, event: 'strange', worker: 3, x: 1, why: 'so' })).toBe('strange x=1 why=so');
	});
	test('tones', () => {
		expect(toneOf({ event: 'ack' })).toBe('good');
		expect(toneOf({ event: 'refused' })).toBe('bad');
		expect(valuesOf({ event: 'ack', after_us: 8312, list: [] })).toEqual({
			event: 'ack',
			after_us: 8312,
			after_ms: '8.3',
		});
	});
});

test('numbers and times as the user writes them', () => {
	expect(formatLocale('en', ['lt', 'en-IE', 'en'])).toBe('en-IE');
	expect(formatLocale('de', ['lt'])).toBe('de');
});

describe('an event in words', () => {
	const said = (kind: string, name: string | null, label: string | null) =>
		eventWords({ kind, name, label, text: null });
	test('by the word of the dictionary', () => {
		expect(said('ignition_on', 'ignition', 'on')).toBe('Ignition on');
		expect(said('towing', 'towing', 'towing')).toBe('Towing');
	});
	test('or by the element and what its value means', () => {
		expect(said('geofence_zone_1', 'geofence_zone_1', 'entered')).toBe('Geofence zone 1: entered');
		expect(said('movement', 'movement', 'movement off')).toBe('Movement off');
		expect(said('io_9999', null, null)).toBe('IO 9999');
	});
});
