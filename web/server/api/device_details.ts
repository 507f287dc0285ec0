/** devices/…: decoded state, events, past sessions, and why it is silent (tgctl knows). */
import { sql } from 'kysely';
import { z } from 'zod';
import { DeviceEvent, DeviceRef, DeviceState, page, pageQuery, PastSession, Why } from '../../shared/schemas.ts';
import { When } from '../../shared/history.ts';
import { DeviceEventQuery } from '../../shared/operations.ts';
import { route } from '../http/route.ts';
import { notFound, Problem } from '../problem.ts';
import { viewDevice } from './device_view.ts';
import { eventsLike, eventView, type EventRow } from './event_view.ts';
import { rangeOf } from './history_range.ts';
import { isoOrNull } from './lists.ts';

const OneDevice = z.object({ device: DeviceRef });
/** By the id of a session, which holds microseconds and has 19 digits. */
const SessionQuery = pageQuery(/^[1-9][0-9]{0,18}$/);

interface OnlineRow {
	last_record_at: Date | null;
	received_at: Date | null;
	updated_at: Date | null;
	altitude: number | null;
	satellites: number | null;
	valid: boolean | null;
	online: boolean;
	gateway: string | null;
	remote_addr: string | null;
	connected_at: Date | null;
	disconnected_at: Date | null;
	disconnect_reason: string | null;
	family: string | null;
	how: string | null;
	notes: string | null;
	created_at: Date | null;
	readings: Record<string, unknown>;
	io: {
		id: number;
		name: string | null;
		value: number | null;
		text: string | null;
		unit: string | null;
		label: string | null;
	}[];
}

/** Columns of device_state that are told elsewhere. */
const ELSEWHERE = new Set([
	'device_id',
	'imei',
	'name',
	'device_model',
	'family',
	'online',
	'last_record_at',
	'recorded_at',
	'latitude',
	'longitude',
	'altitude',
	'heading',
	'speed',
	'satellites',
]);

export const deviceDetailRoutes = [
	route({
		method: 'get',
		path: '/devices/:device/state',
		action: 'device.read',
		tag: 'devices',
		summary: 'What its newest record says, by name and unit; its session',
		params: OneDevice,
		answer: DeviceState,
		async handler({ app, place }) {
			const id = app.fleet.columns.inventory[place]?.id.toString() ?? '';
			const found = await sql<OnlineRow>`
				SELECT o.last_record_at, o.received_at, o.updated_at, o.altitude, o.satellites, o.valid,
					coalesce(o.online, false) AS online, o.gateway, host(o.remote_addr) AS remote_addr, o.connected_at,
					o.disconnected_at, o.disconnect_reason, f.family, f.how, x.notes, d.created_at,
					coalesce(to_jsonb(s), '{}') AS readings,
					coalesce((SELECT jsonb_agg(jsonb_build_object('id', e.id, 'name', e.name, 'value', e.value, 'text', e.text,
						'unit', e.unit, 'label', e.label) ORDER BY e.id)
						FROM telematics_io(o.io, d.device_model::text) AS e), '[]') AS io
				FROM devices d
					LEFT JOIN device_online o ON o.device_id = d.id
					LEFT JOIN omnitrack.device_details x ON x.device_id = d.id
					LEFT JOIN device_state s ON s.device_id = d.id
					LEFT JOIN LATERAL telematics_family(o.io, d.device_model::text) AS f ON o.device_id IS NOT NULL
				WHERE d.id = ${id}`.execute(app.db);
			const row = found.rows[0];
			if (!row) throw notFound('There is no such device');
			return {
				device: viewDevice(app.fleet.columns, place, { notes: row.notes, createdAt: row.created_at }),
				lastRecordAt: isoOrNull(row.last_record_at),
				receivedAt: isoOrNull(row.received_at),
				updatedAt: isoOrNull(row.updated_at),
				altitude: row.altitude,
				satellites: row.satellites,
				fixValid: row.valid,
				family: row.family,
				familyHow: row.how,
				session: {
					online: row.online,
					gateway: row.gateway,
					address: row.remote_addr,
					connectedAt: isoOrNull(row.connected_at),
					disconnectedAt: isoOrNull(row.disconnected_at),
					disconnectReason: row.disconnect_reason,
				},
				readings: Object.fromEntries(Object.entries(row.readings).filter(([k, v]) => !ELSEWHERE.has(k) && v !== null)),
				io: row.io,
			};
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/events',
		action: 'device.read',
		tag: 'devices',
		summary: 'What happened to it, newest first',
		params: OneDevice,
		query: DeviceEventQuery.extend({ from: When.optional(), to: When.optional() }),
		answer: page(DeviceEvent),
		async handler({ app, place, query }) {
			const id = app.fleet.columns.inventory[place]?.id.toString() ?? '';
			const range = rangeOf(app, { from: query.from ?? 'now-92d', to: query.to }, 92);
			// The cursor is the key of the last one: its time in microseconds and its hash.
			const cursor = query.cursor?.split('.');
			const found = await sql<EventRow>`
				SELECT recorded_at, received_at, name, kind, severity, value, text, unit, label, event_io_id, latitude, longitude,
					valid, (extract(epoch FROM recorded_at) * 1000000)::bigint || '.' || record_hash AS key
				FROM device_events e
				WHERE device_id = ${id} AND recorded_at >= ${new Date(range.from)}
					AND (${query.to === undefined} OR recorded_at < ${new Date(range.to)})
					AND (${cursor === undefined} OR (recorded_at, record_hash)
						< (timestamptz 'epoch' + ${cursor?.[0] ?? '0'}::bigint * interval '1 microsecond', ${cursor?.[1] ?? '0'}::bigint))
					AND ${eventsLike(query)}
				ORDER BY recorded_at DESC, record_hash DESC LIMIT ${query.limit + 1}`.execute(app.db);
			const rows = found.rows.slice(0, query.limit);
			return {
				items: rows.map(eventView),
				next: found.rows.length > query.limit ? (rows.at(-1)?.key ?? null) : null,
			};
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/sessions',
		action: 'device.read',
		tag: 'devices',
		summary: 'When it was connected, and why that ended; newest first',
		params: OneDevice,
		query: SessionQuery,
		answer: page(PastSession),
		async handler({ app, place, query }) {
			const id = app.fleet.columns.inventory[place]?.id.toString() ?? '';
			const cursor = query.cursor ?? '9223372036854775807';
			const found = await sql<{
				started_at: Date | null;
				ended_at: Date;
				gateway: string | null;
				address: string | null;
				reason: string | null;
				records: string | null;
				session_id: string;
			}>`
				SELECT started_at, ended_at, gateway, host(remote_addr) AS address, reason, records, session_id
				FROM device_sessions WHERE device_id = ${id} AND session_id < ${cursor}::numeric
				ORDER BY session_id DESC LIMIT ${query.limit + 1}`.execute(app.db);
			const rows = found.rows.slice(0, query.limit);
			return {
				items: rows.map((r) => ({
					from: (r.started_at ?? r.ended_at).toISOString(),
					to: r.ended_at.toISOString(),
					gateway: r.gateway,
					address: r.address,
					reason: r.reason,
					records: r.records === null ? null : Number(r.records),
				})),
				next: found.rows.length > query.limit ? (rows.at(-1)?.session_id ?? null) : null,
			};
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/why',
		action: 'device.why',
		tag: 'devices',
		summary: 'Why it is silent: a verdict, advice, and facts',
		params: OneDevice,
		answer: Why,
		async handler({ app, place, who }) {
			const device = app.fleet.columns.inventory[place];
			// The gateway that it was last connected to, or the first one.
			const found = await sql<{ gateway: string | null }>`
				SELECT gateway FROM device_online WHERE device_id = ${device?.id.toString() ?? ''}`.execute(app.db);
			const { gateways } = app.config;
			const gateway = gateways.find((g) => g.name === found.rows[0]?.gateway) ?? gateways[0];
			const parsed = Why.safeParse(await app.children.why(device?.imei ?? '', gateway?.url ?? null, who().id));
			if (!parsed.success)
				throw new Problem(502, "tgctl's answer is not understood", { detail: 'Are both of one version?' });
			return parsed.data;
		},
	}),
];
