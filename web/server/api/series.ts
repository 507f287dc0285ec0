/** devices/…/series and elements: any value by time, by its name and unit; of each part of time the least and the greatest. */
import { sql } from 'kysely';
import type { z } from 'zod';
import * as H from '../../shared/history.ts';
import { page } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import type { Range } from '../history/describe.ts';
import { withReader } from '../history/read.ts';
import { route } from '../http/route.ts';
import { deviceOf, isoMs, rangeOf } from './history_range.ts';

type Series = z.input<typeof H.Series>;

/** What every record has: the column, and its unit. */
const COLUMNS: Record<string, string | null> = { speed: 'km/h', altitude: 'm', satellites: null };
/** So many records of the range tell which elements there are, and which family sends them. */
const SAMPLES = 100;

/** Records spread over the range; $1 to $3: device, from, to. */
const SAMPLE = `sample AS MATERIALIZED (
	SELECT p.io, d.device_model::text AS model
	FROM generate_series(0, ${SAMPLES - 1}) AS i
	CROSS JOIN LATERAL (SELECT io FROM device_positions WHERE device_id = $1 AND recorded_at < $3
		AND recorded_at >= $2::timestamptz + ($3::timestamptz - $2::timestamptz) * i / ${SAMPLES} ORDER BY recorded_at LIMIT 1) AS p
	LEFT JOIN devices d ON d.id = $1),
family AS (
	SELECT coalesce(nullif(bit_and(f.families), 0), -1) AS mask
	FROM sample s CROSS JOIN LATERAL telematics_families(s.io, s.model) AS f)`;

const ELEMENTS = `WITH ${SAMPLE}
	SELECT e.id, min(e.name) AS name, min(e.unit) AS unit, bool_or(e.value IS NOT NULL) AS numeric
	FROM sample s CROSS JOIN family f CROSS JOIN LATERAL telematics_read(s.io, f.mask) AS e
	GROUP BY e.id ORDER BY e.id`;

/**
 * $4: ids; $5: seconds of a part. Each value is read once, however many records have it: that costs more than all the rest.
 * (The type of io is not asked for: it may be json or jsonb.)
 */
const OF_ELEMENTS = `WITH ${SAMPLE},
	sent AS MATERIALIZED (
		SELECT e.part, e.id, e.json
		FROM (SELECT floor(extract(epoch FROM p.recorded_at - $2) / $5)::int AS part, i.id, (p.io -> i.id::text)::text AS json
			FROM device_positions p CROSS JOIN unnest($4::int[]) AS i (id)
			WHERE p.device_id = $1 AND p.recorded_at >= $2 AND p.recorded_at < $3 OFFSET 0) AS e
		WHERE e.json IS NOT NULL GROUP BY e.part, e.id, e.json),
	known AS MATERIALIZED (
		SELECT v.id, v.json, r.name, r.unit, r.value, r.label
		FROM family f
		CROSS JOIN (SELECT d.id, d.json, telematics_number(d.json) AS number
			FROM (SELECT DISTINCT id, json FROM sent) AS d OFFSET 0) AS v
		CROSS JOIN LATERAL telematics_read_one(8 * v.id + telematics_class(v.json, v.number), v.json, v.number, f.mask) AS r
		WHERE r.value IS NOT NULL)
	SELECT s.part, s.id, min(k.name) AS name, min(k.unit) AS unit, min(k.value)::float8 AS lo, max(k.value)::float8 AS hi,
		jsonb_object_agg(trim_scale(k.value)::text, k.label) FILTER (WHERE k.label IS NOT NULL) AS labels
	FROM sent s JOIN known k USING (id, json)
	GROUP BY s.part, s.id ORDER BY s.part`;

const OF_COLUMNS = `SELECT floor(extract(epoch FROM recorded_at - $2) / $4)::int AS part,
		min(speed) FILTER (WHERE valid) AS speed_lo, max(speed) FILTER (WHERE valid) AS speed_hi,
		min(altitude) FILTER (WHERE valid) AS altitude_lo, max(altitude) FILTER (WHERE valid) AS altitude_hi,
		min(satellites) AS satellites_lo, max(satellites) AS satellites_hi
	FROM device_positions WHERE device_id = $1 AND recorded_at >= $2 AND recorded_at < $3
	GROUP BY 1 ORDER BY 1`;

interface Part {
	part: number;
	id: number;
	name: string | null;
	unit: string | null;
	lo: number;
	hi: number;
	labels: Record<string, string> | null;
}

function empty(of: string, name: string | null, unit: string | null): Series {
	return { of, name, unit, labels: null, time: [], min: [], max: [] };
}

/** Of whole seconds, so that a part begins where a record can lie. */
function stepOf(range: Range, width: number): number {
	return Math.max(1, Math.ceil((range.to - range.from) / 1000 / width));
}

async function columnSeries(app: App, device: bigint, range: Range, step: number, wanted: string[]): Promise<Series[]> {
	const found = await withReader(app, (client) =>
		client.query<Record<string, number | null>>(OF_COLUMNS, [device, new Date(range.from), new Date(range.to), step]),
	);
	return wanted.map((of) => {
		const series = empty(of, of, COLUMNS[of] ?? null);
		for (const row of found.rows) {
			const lo = row[`${of}_lo`];
			const hi = row[`${of}_hi`];
			if (lo === null || lo === undefined || hi === null || hi === undefined) continue;
			series.time.push(range.from / 1000 + (row['part'] ?? 0) * step);
			series.min.push(lo);
			series.max.push(hi);
		}
		return series;
	});
}

async function elementSeries(app: App, device: bigint, range: Range, step: number, ids: number[]): Promise<Series[]> {
	const found = await withReader(app, (client) =>
		client.query<Part>(OF_ELEMENTS, [device, new Date(range.from), new Date(range.to), ids, step]),
	);
	const series = new Map(ids.map((id) => [id, empty(String(id), null, null)]));
	for (const row of found.rows) {
		const one = series.get(row.id);
		if (one === undefined) continue;
		one.name ??= row.name;
		one.unit ??= row.unit;
		if (row.labels !== null) one.labels = { ...one.labels, ...row.labels };
		one.time.push(range.from / 1000 + row.part * step);
		one.min.push(row.lo);
		one.max.push(row.hi);
	}
	return [...series.values()];
}

export const seriesRoutes = [
	route({
		method: 'get',
		path: '/devices/:device/series',
		action: 'device.history',
		tag: 'history',
		summary: 'Values by time: speed, altitude, satellites, and any IO element by its id',
		params: H.OneDevice,
		query: H.SeriesQuery,
		answer: H.SeriesAnswer,
		async handler(ctx) {
			const { app, query } = ctx;
			const range = rangeOf(app, query);
			const step = stepOf(range, query.width);
			const { id } = deviceOf(ctx);
			const columns = query.of.filter((of) => of in COLUMNS);
			const ids = query.of.filter((of) => !(of in COLUMNS)).map(Number);
			const items = [
				...(columns.length > 0 ? await columnSeries(app, id, range, step, columns) : []),
				...(ids.length > 0 ? await elementSeries(app, id, range, step, ids) : []),
			];
			return { from: isoMs(range.from), to: isoMs(range.to), stepS: step, items };
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/elements',
		action: 'device.history',
		tag: 'history',
		summary: 'What it sends in a time: the values that series can show, and IO elements that are no numbers',
		params: H.OneDevice,
		query: H.RangeQuery,
		answer: page(H.Element),
		async handler(ctx) {
			const range = rangeOf(ctx.app, ctx.query);
			const found = await withReader(ctx.app, (client) =>
				client.query<{ id: number; name: string | null; unit: string | null; numeric: boolean }>(ELEMENTS, [
					deviceOf(ctx).id,
					new Date(range.from),
					new Date(range.to),
				]),
			);
			const columns = Object.entries(COLUMNS).map(([of, unit]) => ({ of, id: null, name: of, unit, numeric: true }));
			return { items: [...columns, ...found.rows.map((r) => ({ of: String(r.id), ...r }))], next: null };
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/days',
		action: 'device.history',
		tag: 'history',
		summary: 'Days of a month on which it sent records',
		params: H.OneDevice,
		query: H.DaysQuery,
		answer: H.Days,
		async handler(ctx) {
			const { app, query } = ctx;
			const first = `${query.month}-01`;
			const found = await sql<{ day: string }>`
				SELECT to_char(d.day, 'YYYY-MM-DD') AS day
				FROM generate_series(${first}::timestamp, ${first}::timestamp + interval '1 month' - interval '1 day',
					interval '1 day') AS d (day)
				WHERE EXISTS (SELECT FROM device_positions WHERE device_id = ${deviceOf(ctx).id.toString()}
					AND recorded_at >= d.day AT TIME ZONE ${query.zone}
					AND recorded_at < (d.day + interval '1 day') AT TIME ZONE ${query.zone}
					AND recorded_at >= ${first}::timestamp - interval '1 day'
					AND recorded_at < ${first}::timestamp + interval '33 days')`.execute(app.db);
			return { items: found.rows.map((r) => r.day) };
		},
	}),
];
