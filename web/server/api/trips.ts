/** devices/…/history, trips and stops: what a device did in a time, by the rules of history/pieces.ts. */
import { sql } from 'kysely';
import type { z } from 'zod';
import * as H from '../../shared/history.ts';
import { page } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { describe, type Described, type Range, type Span, type Stop, type Trip } from '../history/describe.ts';
import { readRecords } from '../history/read.ts';
import { isValid, type Records } from '../history/records.ts';
import { route, type Context } from '../http/route.ts';
import { deviceOf, isoMs, rangeOf } from './history_range.ts';
import { isoOrNull } from './lists.ts';

const seconds = (ms: number) => Math.round(ms / 1000);

function saySpan(span: Span) {
	return {
		from: isoMs(span.from),
		to: isoMs(span.to),
		beginsBefore: span.beginsBefore,
		endsAfter: span.endsAfter,
		records: span.records,
		durationS: seconds(span.to - span.from),
	};
}

function sayTrip(trip: Trip): z.input<typeof H.Trip> {
	const { start, end, distanceM, maxSpeed, meanSpeed } = trip;
	return { ...saySpan(trip), start, end, distanceM, maxSpeed, meanSpeed };
}

function sayStop(stop: Stop): z.input<typeof H.Stop> {
	return { ...saySpan(stop), place: stop.place, idleS: stop.idle === null ? null : seconds(stop.idle) };
}

async function described(ctx: Context<unknown, { from: string; to?: string | undefined }>) {
	const range = rangeOf(ctx.app, ctx.query);
	const { records, pieces } = await readRecords(ctx.app, deviceOf(ctx).id, range);
	return { range, records, ...describe(records, pieces, range) };
}

/** The nearest records outside an empty range, however long ago. */
async function neighbours(app: App, device: bigint, range: Range) {
	const found = await sql<{ before: Date | null; after: Date | null }>`
		SELECT (SELECT recorded_at FROM device_positions WHERE device_id = ${device.toString()}
				AND recorded_at < ${new Date(range.from)} ORDER BY recorded_at DESC LIMIT 1) AS before,
			(SELECT recorded_at FROM device_positions WHERE device_id = ${device.toString()}
				AND recorded_at >= ${new Date(range.to)} ORDER BY recorded_at LIMIT 1) AS after`.execute(app.db);
	return found.rows[0] ?? { before: null, after: null };
}

/** Of the records within the range. */
function count(records: Records, range: Range) {
	let inRange = 0;
	let withoutFix = 0;
	let first: number | null = null;
	let last: number | null = null;
	for (let i = 0; i < records.count; i++) {
		const time = records.time[i] ?? 0;
		if (time < range.from || time >= range.to) continue;
		inRange++;
		if (!isValid(records, i)) withoutFix++;
		first ??= time;
		last = time;
	}
	return {
		records: inRange,
		withoutFix,
		firstAt: first === null ? null : isoMs(first),
		lastAt: last === null ? null : isoMs(last),
	};
}

const lasting = (list: readonly { from: number; to: number }[]) =>
	seconds(list.reduce((sum, p) => sum + p.to - p.from, 0));

function sums({ trips, stops }: Described) {
	const idle = stops.filter((s) => s.idle !== null);
	return {
		distanceM: trips.reduce((sum, t) => sum + t.distanceM, 0),
		movingS: lasting(trips),
		standingS: lasting(stops),
		idleS: idle.length === 0 ? null : seconds(idle.reduce((sum, s) => sum + (s.idle ?? 0), 0)),
		maxSpeed: trips.reduce((most, t) => Math.max(most, t.maxSpeed), 0),
	};
}

export const tripRoutes = [
	route({
		method: 'get',
		path: '/devices/:device/history',
		action: 'device.history',
		tag: 'history',
		summary: 'What it did in a time: trips, stops, gaps, and their sums',
		params: H.OneDevice,
		query: H.RangeQuery,
		answer: H.History,
		async handler(ctx) {
			const found = await described(ctx);
			const { range, records } = found;
			const counted = count(records, range);
			const around = counted.records === 0 ? await neighbours(ctx.app, deviceOf(ctx).id, range) : null;
			return {
				from: isoMs(range.from),
				to: isoMs(range.to),
				...counted,
				before: isoOrNull(around?.before),
				after: isoOrNull(around?.after),
				...sums(found),
				trips: found.trips.map(sayTrip),
				stops: found.stops.map(sayStop),
				gaps: found.gaps.map((gap) => ({
					from: isoMs(gap.from),
					to: isoMs(gap.to),
					durationS: seconds(gap.to - gap.from),
					distanceM: gap.distanceM,
				})),
			};
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/trips',
		action: 'device.history',
		tag: 'history',
		summary: 'Its trips in a time, oldest first',
		params: H.OneDevice,
		query: H.RangeQuery,
		answer: page(H.Trip),
		async handler(ctx) {
			return { items: (await described(ctx)).trips.map(sayTrip), next: null };
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/stops',
		action: 'device.history',
		tag: 'history',
		summary: 'Where it stood for 3 minutes and longer in a time, oldest first',
		params: H.OneDevice,
		query: H.RangeQuery,
		answer: page(H.Stop),
		async handler(ctx) {
			return { items: (await described(ctx)).stops.map(sayStop), next: null };
		},
	}),
];
