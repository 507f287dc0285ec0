/**
 * The resources of a device's history: what goes in and out of /devices/{id}/track, history, trips, stops, series,
 * positions, messages, raw and days, and of /exports.
 */
import { z } from 'zod';
import { DeviceRef, Id, StateValue, Time } from './schemas.ts';

export const DAY_MS = 86_400_000;
/** A day of 25 hours still fits a month that begins in summer. */
export const MOST_DAYS = 32;

/** A time, or so long before now: now, now-90m, now-1h, now-7d. */
export const When = z
	.string()
	.regex(/^(?:now(?:-[0-9]{1,5}[mhd])?|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}(?:Z|[+-][0-9]{2}:[0-9]{2}))$/, {
		error: 'a time of RFC 3339, or now, now-90m, now-1h, now-7d',
	})
	.refine((s) => s.startsWith('now') || Time.safeParse(s).success, 'a time of RFC 3339')
	.meta({ description: 'a time of RFC 3339, or now, now-90m, now-1h, now-7d' });

export const RangeQuery = z.strictObject({
	from: When.meta({ description: 'the first moment: a time of RFC 3339, or now-1h, now-7d' }),
	to: When.optional().meta({ description: 'the moment after the last; now if it is left out' }),
});

const Degrees = z.string().regex(/^-?[0-9]{1,3}(?:\.[0-9]{1,12})?(?:,-?[0-9]{1,3}(?:\.[0-9]{1,12})?){3}$/, {
	error: 'west,south,east,north in degrees',
});
export const TrackQuery = RangeQuery.extend({
	zoom: z.coerce
		.number()
		.min(0)
		.max(22)
		.default(16)
		.meta({ description: 'of the map: what is not seen at it is left out' }),
	box: Degrees.optional().meta({ description: 'west,south,east,north: what lies outside may be coarser' }),
});

const Spot = z.object({ latitude: z.number(), longitude: z.number() });
const span = {
	from: Time,
	to: Time,
	beginsBefore: z.boolean().meta({ description: 'it began before the range' }),
	endsAfter: z.boolean().meta({ description: 'it goes on after the range, or has not ended yet' }),
	records: z.int(),
	durationS: z.int(),
};
export const Trip = z.object({
	...span,
	start: Spot.nullable(),
	end: Spot.nullable(),
	distanceM: z.int(),
	maxSpeed: z.int().meta({ description: 'km/h' }),
	meanSpeed: z.number().meta({ description: 'km/h' }),
});
export const Stop = z.object({
	...span,
	place: Spot.nullable(),
	idleS: z.int().nullable().meta({ description: 'seconds with ignition on; null: it does not send it' }),
});
export const Gap = z.object({
	from: Time,
	to: Time,
	durationS: z.int(),
	distanceM: z.int().nullable().meta({ description: 'as the crow flies; null: not known' }),
});
export const History = z.object({
	from: Time,
	to: Time,
	records: z.int(),
	withoutFix: z.int(),
	firstAt: Time.nullable(),
	lastAt: Time.nullable(),
	before: Time.nullable().meta({ description: 'the last record before the range; only told of an empty range' }),
	after: Time.nullable().meta({ description: 'the first record after the range; only told of an empty range' }),
	distanceM: z.int(),
	movingS: z.int(),
	standingS: z.int(),
	idleS: z.int().nullable(),
	maxSpeed: z.int(),
	trips: z.array(Trip),
	stops: z.array(Stop),
	gaps: z.array(Gap),
});
export const OneDevice = z.object({ device: DeviceRef });

// ---- series

const columnNames = ['speed', 'altitude', 'satellites'] as const;
export const MOST_SERIES = 8;
export const SeriesQuery = RangeQuery.extend({
	of: z
		.string()
		.regex(/^(?:speed|altitude|satellites|[0-9]{1,5})(?:,(?:speed|altitude|satellites|[0-9]{1,5})){0,7}$/, {
			error: `up to ${MOST_SERIES} of speed, altitude, satellites and ids of IO elements, with commas`,
		})
		.transform((s) => [...new Set(s.split(','))])
		.meta({ description: `up to ${MOST_SERIES} of ${columnNames.join(', ')} and ids of IO elements, with commas` }),
	width: z.coerce
		.number()
		.int()
		.min(10)
		.max(4000)
		.default(800)
		.meta({ description: 'in so many parts of time at most; of each the least and the greatest value' }),
});
export const Series = z.object({
	of: z.string().meta({ description: 'as it was asked for' }),
	name: z.string().nullable(),
	unit: z.string().nullable(),
	labels: z.record(z.string(), z.string()).nullable().meta({ description: 'words of values, where values have words' }),
	time: z.array(z.number()).meta({ description: 'seconds since the epoch: where each part of time begins' }),
	min: z.array(z.number()),
	max: z.array(z.number()),
});
export const SeriesAnswer = z.object({
	from: Time,
	to: Time,
	stepS: z.number().meta({ description: 'how long a part of time is' }),
	items: z.array(Series),
});
export const Element = z.object({
	of: z.string().meta({ description: 'what to ask series for' }),
	id: z.int().nullable().meta({ description: 'of the IO element; null: every record has it' }),
	name: z.string().nullable(),
	unit: z.string().nullable(),
	numeric: z.boolean().meta({ description: 'it has numbers: series knows it' }),
});

// ---- records

const cursor = z
	.string()
	.regex(/^[0-9]{1,18}\.-?[0-9]{1,19}$/, 'not a cursor of ours: give what stood in next, or none');
const limit = z.coerce.number().int().min(1).max(1000).default(100);
export const exportFormats = ['csv', 'gpx', 'geojson'] as const;
export type ExportFormat = (typeof exportFormats)[number];
export const EXPORT_TYPES: Record<ExportFormat, string> = {
	csv: 'text/csv',
	gpx: 'application/gpx+xml',
	geojson: 'application/geo+json',
};
export const PositionQuery = RangeQuery.extend({
	limit,
	cursor: cursor.optional(),
	order: z.enum(['asc', 'desc']).default('asc').meta({ description: 'oldest or newest first' }),
	io: z
		.enum(['true', 'false'])
		.default('false')
		.transform((s) => s === 'true')
		.meta({ description: 'with its IO elements, by name and unit' }),
});
export const Position = z.object({
	at: Time,
	receivedAt: Time,
	latitude: z.number().nullable().meta({ description: 'null: no valid fix' }),
	longitude: z.number().nullable(),
	altitude: z.int().nullable(),
	heading: z.int().nullable(),
	speed: z.int(),
	satellites: z.int(),
	priority: z.int(),
	event: z.int().meta({ description: 'id of the IO element that made the record; 0: none' }),
	io: z.array(StateValue).nullable(),
});

const Page = RangeQuery.extend({
	limit,
	cursor: z
		.string()
		.regex(/^[1-9][0-9]{0,17}$/, 'not a cursor of ours: give what stood in next, or none')
		.optional(),
});
export const MessageQuery = Page;
export const Message = z.object({
	id: Id,
	receivedAt: Time,
	sentAt: Time.nullable(),
	codec: z.int(),
	type: z.int(),
	text: z.string().nullable().meta({ description: 'null: no text, or no right to read texts' }),
	payloadHex: z.string().nullable().meta({ description: 'null: no right to read texts' }),
	address: z.string().nullable(),
});
export const RawFrame = z.object({
	id: Id,
	reason: z.string(),
	attempts: z.int(),
	receivedAt: Time,
	lastSeenAt: Time,
	decodedAt: Time.nullable(),
});

export const ExportQuery = RangeQuery.extend({
	devices: z
		.string()
		.regex(
			/^(?:[1-9][0-9]{0,17}|imei:[0-9]{15})(?:,(?:[1-9][0-9]{0,17}|imei:[0-9]{15})){0,99}$/,
			'up to 100, with commas',
		)
		.transform((s) => [...new Set(s.split(','))])
		.meta({ description: 'ids, or imei: and 15 digits; up to 100, with commas' }),
	format: z.enum(exportFormats).default('csv'),
});
/** How long an export may be. */
export const EXPORT_DAYS = 92;

// ---- the calendar

export const DaysQuery = z.strictObject({
	month: z.string().regex(/^(?:19[7-9][0-9]|20[0-9]{2})-(?:0[1-9]|1[0-2])$/, 'a month, as 2026-01'),
	zone: z
		.string()
		.max(64)
		.refine(isZone, 'a time zone, as Europe/Vilnius')
		.default('UTC')
		.meta({ description: 'whose days they are, as Europe/Vilnius' }),
});
export const Days = z.object({
	items: z.array(z.string()).meta({ description: 'days that have records, as 2026-01-31' }),
});

function isZone(name: string): boolean {
	try {
		new Intl.DateTimeFormat('en', { timeZone: name });
		// Offsets mean the opposite to PostgreSQL.
		return /^[A-Za-z]/.test(name);
	} catch {
		return false;
	}
}
