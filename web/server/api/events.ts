/** events: what happened to all devices that one may see, by arrival, so that what a tracker sends late is not missed. */
import { sql, type RawBuilder } from 'kysely';
import type { z } from 'zod';
import { groupsFor } from '../../shared/permissions.ts';
import { EventQuery, FleetEvent, FleetEvents } from '../../shared/operations.ts';
import { compiled } from '../db.ts';
import { findDevice } from '../http/mount.ts';
import { route, type Context } from '../http/route.ts';
import { eventsLike, eventView, type EventRow } from './event_view.ts';
import { walkBack } from './event_walk.ts';
import { groupsWithin } from './lists.ts';

/** Commits overtake one another: what arrived so long before the last answer may have become visible after it. */
const OVERLAP_MS = 60_000;
/** Older ones are found by device. */
const DAYS = 31;

interface Row extends EventRow {
	device_id: string;
	imei: string;
	device_name: string | null;
	group_id: string | null;
	speed: number | null;
	as_of: Date;
}

function view(row: Row): z.input<typeof FleetEvent> {
	return {
		...eventView(row),
		id: row.key,
		device: row.device_id,
		imei: row.imei,
		deviceName: row.device_name,
		group: row.group_id,
		speed: row.speed,
	};
}

const time = (us: string | undefined) => sql`timestamptz 'epoch' + ${us ?? '0'}::bigint * interval '1 microsecond'`;

/** Behind the last one of a page; the newest arrival comes first. */
function behind(cursor: string | undefined): RawBuilder<unknown> {
	if (cursor === undefined) return sql`true`;
	const [received, recorded, device, hash] = cursor.split('.');
	return sql`e.received_at <= ${time(received)} AND (e.received_at, e.recorded_at, e.device_id, e.record_hash)
		< (${time(received)}, ${time(recorded)}, ${device}::bigint, ${hash}::bigint)`;
}

/** Only what the person may see: a device of their groups; an administrator also those in none. */
function seen(ctx: Context, query: z.output<typeof EventQuery>): RawBuilder<unknown> {
	const { app } = ctx;
	if (query.device !== undefined) {
		const at = findDevice(app, ctx.who(), query.device);
		return sql`e.device_id = ${app.fleet.columns.inventory[at]?.id.toString() ?? ''}::bigint`;
	}
	const mine = groupsFor(ctx.who(), 'device.read', app.directory.parents);
	const asked = groupsWithin(app.directory, query.group);
	if (asked === null && mine === null) return sql`true`;
	const both = [...(asked ?? mine ?? [])].filter((g) => mine === null || mine.has(g));
	return sql`g.group_id = ANY (${both}::bigint[])`;
}

/** Those that arrived in a window, the newest first. */
async function arrivedIn(
	ctx: Context,
	query: z.output<typeof EventQuery>,
	window: { from: number; to: number | null; limit: number },
): Promise<Row[]> {
	const { from, to, limit } = window;
	const found = await ctx.app.database.read.query<Row>(
		compiled(sql`
			SELECT e.device_id::text, d.imei::text AS imei, d.name::text AS device_name, g.group_id::text, e.recorded_at,
				e.received_at, e.name, e.kind, e.severity, e.value, e.text, e.unit, e.label, e.event_io_id, e.latitude,
				e.longitude, e.speed, e.valid, now() AS as_of,
				(extract(epoch FROM e.received_at) * 1000000)::bigint || '.' ||
					(extract(epoch FROM e.recorded_at) * 1000000)::bigint || '.' || e.device_id || '.' || e.record_hash AS key
			FROM device_events e
				JOIN devices d ON d.id = e.device_id
				LEFT JOIN omnitrack.device_groups g ON g.device_id = e.device_id
			WHERE e.received_at >= ${time(micros(from))}
				AND ${to === null ? sql`true` : sql`e.received_at < ${time(micros(to))}`}
				AND ${behind(query.cursor)} AND ${seen(ctx, query)} AND ${eventsLike(query)}
			ORDER BY e.received_at DESC, e.recorded_at DESC, e.device_id DESC, e.record_hash DESC
			LIMIT ${limit}`),
	);
	return found.rows;
}

const micros = (ms: number) => String(Math.round(ms * 1000));

/** What is asked for, in milliseconds, no longer ago than DAYS. */
function rangeOf(query: z.output<typeof EventQuery>, now: number): { from: number; to: number | null; now: number } {
	const since = [now - DAYS * 86_400_000];
	if (query.from !== undefined) since.push(Date.parse(query.from));
	if (query.arrivedAfter !== undefined) since.push(Date.parse(query.arrivedAfter) - OVERLAP_MS);
	const ends = [];
	if (query.to !== undefined) ends.push(Date.parse(query.to));
	if (query.cursor !== undefined) ends.push(Math.floor(Number(query.cursor.split('.')[0]) / 1000) + 1);
	return { from: Math.max(...since), to: ends.length === 0 ? null : Math.min(...ends), now };
}

export const eventRoutes = [
	route({
		method: 'get',
		path: '/events',
		action: 'events.list',
		tag: 'events',
		summary: 'What happened to devices, the newest arrival first; arrivedAfter asks for what is new',
		query: EventQuery,
		answer: FleetEvents,
		passive: true,
		async handler(ctx) {
			const { app, query } = ctx;
			const range = rangeOf(query, app.fleet.now());
			const walked = await walkBack(
				(from, to, limit) => arrivedIn(ctx, query, { from, to, limit }),
				range,
				query.limit,
			);
			const { rows, full, lookedBackTo } = walked;
			const last = rows.at(-1);
			const stopped = lookedBackTo > range.from ? `${micros(lookedBackTo)}.0.0.0` : null;
			return {
				asOf: rows[0]?.as_of.toISOString() ?? new Date(app.fleet.now()).toISOString(),
				lookedBackTo: new Date(full && last ? last.received_at : lookedBackTo).toISOString(),
				items: rows.map(view),
				next: full ? (last?.key ?? null) : stopped,
			};
		},
	}),
];
