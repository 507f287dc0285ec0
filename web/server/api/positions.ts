/** devices/…/positions: records one by one, in pages or as an export; messages; and frames that are kept as they came. */
import { sql } from 'kysely';
import type { z } from 'zod';
import * as H from '../../shared/history.ts';
import { page } from '../../shared/schemas.ts';
import { route } from '../http/route.ts';
import { withReader } from '../history/read.ts';
import { sendExport } from './exports.ts';
import { deviceOf, rangeOf } from './history_range.ts';
import { isoOrNull, pageById } from './lists.ts';

interface Row {
	recorded_at: Date;
	received_at: Date;
	latitude: number;
	longitude: number;
	altitude: number;
	heading: number;
	speed: number;
	satellites: number;
	priority: number;
	event_io_id: number;
	valid: boolean;
	/** Its time in microseconds and its hash. */
	key: string;
	io: z.input<typeof H.Position>['io'];
}

const DECODED = `(SELECT coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'name', e.name, 'value', e.value, 'text', e.text,
	'unit', e.unit, 'label', e.label) ORDER BY e.id), '[]') FROM telematics_io(p.io, d.device_model::text) AS e)`;

/** $1 to $3: device, from, to; $4, $5: the cursor's time in microseconds and its hash; $6: how many. */
function statement(io: boolean, order: 'asc' | 'desc', cursor: boolean): string {
	const behind = `AND (p.recorded_at, p.record_hash) ${order === 'asc' ? '>' : '<'}
		(timestamptz 'epoch' + $4::bigint * interval '1 microsecond', $5::bigint)`;
	return `SELECT p.recorded_at, p.received_at, p.latitude, p.longitude, p.altitude, p.heading, p.speed, p.satellites,
			p.priority, p.event_io_id, p.valid, (extract(epoch FROM p.recorded_at) * 1000000)::bigint || '.' || p.record_hash AS key,
			${io ? DECODED : 'NULL'} AS io
		FROM device_positions p ${io ? 'LEFT JOIN devices d ON d.id = p.device_id' : ''}
		WHERE p.device_id = $1 AND p.recorded_at >= $2 AND p.recorded_at < $3 ${cursor ? behind : 'AND $4 = $5'}
		ORDER BY p.recorded_at ${order}, p.record_hash ${order} LIMIT $6`;
}

function say(r: Row): z.input<typeof H.Position> {
	return {
		at: r.recorded_at.toISOString(),
		receivedAt: r.received_at.toISOString(),
		latitude: r.valid ? r.latitude : null,
		longitude: r.valid ? r.longitude : null,
		altitude: r.valid ? r.altitude : null,
		heading: r.valid ? r.heading : null,
		speed: r.speed,
		satellites: r.satellites,
		priority: r.priority,
		event: r.event_io_id,
		io: r.io,
	};
}

export const positionRoutes = [
	route({
		method: 'get',
		path: '/devices/:device/positions',
		action: 'device.history',
		tag: 'history',
		summary:
			'Its records in a time, in pages; with Accept: text/csv, application/gpx+xml or application/geo+json all of them',
		params: H.OneDevice,
		query: H.PositionQuery,
		answer: page(H.Position),
		produces: Object.values(H.EXPORT_TYPES),
		async handler(ctx) {
			const { app, query, req, res } = ctx;
			const type = req.accepts(['application/json', ...Object.values(H.EXPORT_TYPES)]);
			const format = H.exportFormats.find((f) => H.EXPORT_TYPES[f] === type);
			const range = rangeOf(app, query, H.EXPORT_DAYS);
			res.vary('accept');
			if (format !== undefined) {
				await sendExport(ctx, [ctx.place], range, format);
				return { items: [], next: null };
			}
			const cursor = query.cursor?.split('.') ?? null;
			const found = await withReader(app, (client) =>
				client.query<Row>(statement(query.io, query.order, cursor !== null), [
					deviceOf(ctx).id,
					new Date(range.from),
					new Date(range.to),
					cursor?.[0] ?? '0',
					cursor?.[1] ?? '0',
					query.limit + 1,
				]),
			);
			const rows = found.rows.slice(0, query.limit);
			return { items: rows.map(say), next: found.rows.length > query.limit ? (rows.at(-1)?.key ?? null) : null };
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/messages',
		action: 'device.history',
		tag: 'history',
		summary: 'What it said unasked, by codec 12 to 15, in a time; newest first',
		params: H.OneDevice,
		query: H.MessageQuery,
		answer: page(H.Message),
		async handler(ctx) {
			const { app, query } = ctx;
			const range = rangeOf(app, query, H.EXPORT_DAYS);
			const device = deviceOf(ctx);
			// Late answers to commands are among them.
			const reads = ctx.may('command.text', { group: device.group });
			const found = await sql<{
				id: string;
				received_at: Date;
				message_time: Date | null;
				codec: number;
				type: number;
				text: string | null;
				payload: string;
				address: string | null;
			}>`
				SELECT id, received_at, message_time, codec, type, text, encode(payload, 'hex') AS payload, host(remote_addr) AS address
				FROM device_messages
				WHERE imei = ${device.imei} AND received_at >= ${new Date(range.from)} AND received_at < ${new Date(range.to)}
					AND id < ${query.cursor ?? '9223372036854775807'}
				ORDER BY id DESC LIMIT ${query.limit + 1}`.execute(app.db);
			const { items, next } = pageById(found.rows, query.limit);
			return {
				items: items.map((r) => ({
					id: r.id,
					receivedAt: r.received_at.toISOString(),
					sentAt: isoOrNull(r.message_time),
					codec: r.codec,
					type: r.type,
					text: reads ? r.text : null,
					payloadHex: reads ? r.payload : null,
					address: r.address,
				})),
				next,
			};
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/raw',
		action: 'device.raw',
		tag: 'history',
		summary: 'Frames of it that are in quarantine, or were copied, in a time; newest first, without their content',
		params: H.OneDevice,
		query: H.MessageQuery,
		answer: page(H.RawFrame),
		async handler(ctx) {
			const { app, query } = ctx;
			const range = rangeOf(app, query, H.EXPORT_DAYS);
			const found = await sql<{
				id: string;
				reason: string;
				attempts: number;
				received_at: Date;
				last_seen_at: Date;
				decoded_at: Date | null;
			}>`
				SELECT id, reason, attempts, received_at, last_seen_at, decoded_at FROM device_ingest_raw
				WHERE imei = ${deviceOf(ctx).imei} AND last_seen_at >= ${new Date(range.from)}
					AND received_at < ${new Date(range.to)} AND id < ${query.cursor ?? '9223372036854775807'}
				ORDER BY id DESC LIMIT ${query.limit + 1}`.execute(app.db);
			const { items, next } = pageById(found.rows, query.limit);
			return {
				items: items.map((r) => ({
					id: r.id,
					reason: r.reason,
					attempts: r.attempts,
					receivedAt: r.received_at.toISOString(),
					lastSeenAt: r.last_seen_at.toISOString(),
					decodedAt: isoOrNull(r.decoded_at),
				})),
				next,
			};
		},
	}),
];
