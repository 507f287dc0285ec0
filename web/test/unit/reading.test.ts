// How the user reads: days of their zone, speeds and distances in their units.
import { afterEach, describe, expect, test } from 'vitest';
import { measured } from '../../app/i18n/measures.ts';
import { setOwn } from '../../app/i18n/own.ts';
import { addDays, dayOf, midnight } from '../../app/i18n/zone.ts';
import { inUnits } from '../../app/screens/history/series_units.ts';
import { sayReading } from '../../app/ui/readings.ts';

afterEach(() => setOwn({}));

describe('days of the zone', () => {
	test('begin where the user is', () => {
		setOwn({ timeZone: 'Asia/Kolkata' });
		expect(new Date(midnight('2026-03-29')).toISOString()).toBe('2026-03-28T18:30:00.000Z');
		expect(dayOf(Date.parse('2026-03-28T18:29:59Z'))).toBe('2026-03-28');
		expect(dayOf(Date.parse('2026-03-28T18:30:00Z'))).toBe('2026-03-29');
	});
	test('have 23 and 25 hours where clocks change', () => {
		setOwn({ timeZone: 'Europe/Vilnius' });
		const hours = (day: string) => (midnight(addDays(day, 1)) - midnight(day)) / 3_600_000;
		expect([hours('2026-03-29'), hours('2026-10-25'), hours('2026-10-26')]).toEqual([23, 25, 24]);
	});
	test('begin later where midnight is left out', () => {
		setOwn({ timeZone: 'America/Santiago' });
		expect(dayOf(midnight('2026-09-06'))).toBe('2026-09-06');
		expect(dayOf(midnight('2026-09-06') - 1)).toBe('2026-09-05');
	});
	test('are the browser’s, where no zone or none that exists is chosen', () => {
		for (const timeZone of [undefined, 'Nowhere/City']) {
			setOwn({ timeZone });
			expect(midnight('2026-03-28')).toBe(new Date(2026, 2, 28).getTime());
		}
	});
});

describe('units', () => {
	test('are the user’s', () => {
		expect(measured('speed', 80.4672, 'en', 'imperial')).toEqual({ text: '50', unit: 'mph' });
		expect(measured('distance', 1609.344, 'en', 'imperial')).toEqual({ text: '1,000', unit: 'mi' });
		expect(measured('height', 100, 'de', 'metric')).toEqual({ text: '100', unit: 'm' });
	});
	test('of readings, too', () => {
		const flags = { yes: 'Yes', no: 'No', on: 'On', off: 'Off' };
		expect(sayReading('odometer_m', 1_609_344, 'en', 'imperial', flags)).toEqual({ text: '1,000', unit: 'mi' });
	});
	test('of a series, if they have another name', () => {
		const series = { of: 'speed', name: 'speed', unit: 'km/h', labels: null, time: [1], min: [0], max: [160.9344] };
		expect(inUnits(series, 'metric')).toBe(series);
		expect(inUnits(series, 'imperial')).toMatchObject({ unit: 'mph', min: [0], max: [100] });
		const volts = { ...series, unit: 'V' };
		expect(inUnits(volts, 'imperial')).toBe(volts);
	});
});
