/**
 * quarantine: frames that could not be stored, with what they say. Decoding again and dropping are marks: the gateway does
 * it and books what became of it (migrations/0015_requests.sql).
 */
import { sql } from 'kysely';
import { z } from 'zod';
import { groupsFor } from '../../shared/permissions.ts';
import { Frame, FrameContent, FrameMarks, FrameQuery, MarkResult } from '../../shared/operations.ts';
import { Id, page } from '../../shared/schemas.ts';
import { route, type Context } from '../http/route.ts';
import { notFound } from '../problem.ts';
import { iso, isoOrNull, pageById } from './lists.ts';

interface Row {
	id: string;
	imei: string;
	reason: string;
	codec: number | null;
	bytes: number;
	attempts: number;
	received_at: Date;
	last_seen_at: Date;
	address: string | null;
	request: 'decode' | 'drop' | null;
	requested_at: Date | null;
	requested_by: string | null;
	request_result: string | null;
	decoded_at: Date | null;
}

// Byte 8, behind preamble and length, is the codec.
const COLUMNS = sql.raw(`r.id, r.imei, r.reason, CASE WHEN length(r.frame) > 8 THEN get_byte(r.frame, 8) END AS codec,
	length(r.frame) AS bytes, r.attempts, r.received_at, r.last_seen_at, host(r.remote_addr) AS address, r.request,
	r.requested_at, r.requested_by, r.request_result, r.decoded_at`);

function deviceOf(ctx: Context, imei: string) {
	const { columns } = ctx.app.fleet;
	const at = columns.byImei.get(imei);
	return at === undefined ? null : (columns.inventory[at] ?? null);
}

/** One of an IMEI that is not registered is of whoever sees the refused ones. */
function isSeen(ctx: Context, imei: string): boolean {
	const device = deviceOf(ctx, imei);
	return device === null ? ctx.may('refused.list') : ctx.may('device.raw', { group: device.group });
}

function view(ctx: Context, row: Row): z.input<typeof Frame> {
	const device = deviceOf(ctx, row.imei);
	return {
		id: row.id,
		imei: row.imei,
		device: device?.id.toString() ?? null,
		deviceName: device?.name ?? null,
		reason: row.reason,
		codec: row.codec,
		bytes: row.bytes,
		attempts: row.attempts,
		receivedAt: iso(row.received_at),
		lastSeenAt: iso(row.last_seen_at),
		address: row.address,
		request: row.request,
		requestedAt: isoOrNull(row.requested_at),
		requestedBy: row.requested_by,
		result: row.request_result,
		decodedAt: isoOrNull(row.decoded_at),
	};
}

/** Codecs of records; the others are of messages, which hold texts and answers. */
const RECORDS = new Set([0x08, 0x8e, 0x10]);

/** May this person read what stands in the frame? A command's text or answer can hold a password. */
function mayRead(ctx: Context, row: Row): boolean {
	const group = deviceOf(ctx, row.imei)?.group ?? null;
	return (row.codec !== null && RECORDS.has(row.codec)) || ctx.may('command.text', { group });
}

async function list(ctx: Context, query: z.output<typeof FrameQuery>) {
	const { app } = ctx;
	const groups = groupsFor(ctx.who(), 'device.raw', app.directory.parents);
	const unknown = ctx.may('refused.list');
	const found = await sql<Row>`
		SELECT ${COLUMNS} FROM device_ingest_raw r
			LEFT JOIN devices d ON d.imei = r.imei
			LEFT JOIN omnitrack.device_groups g ON g.device_id = d.id
		WHERE r.reason <> 'raw'
			AND ${query.done === 'true' ? sql`true` : sql`r.decoded_at IS NULL`}
			AND ${query.cursor === undefined ? sql`true` : sql`r.id < ${query.cursor}::bigint`}
			AND ${query.imei === undefined ? sql`true` : sql`r.imei = ${query.imei}`}
			AND ${query.ids === undefined ? sql`true` : sql`r.id = ANY (${query.ids}::bigint[])`}
			AND ${query.reason === undefined ? sql`true` : sql`r.reason = ${query.reason}`}
			AND (${groups === null} OR g.group_id = ANY (${[...(groups ?? [])]}::bigint[]) OR (d.id IS NULL AND ${unknown}))
		ORDER BY r.id DESC LIMIT ${query.limit + 1}`.execute(app.db);
	const { items, next } = pageById(found.rows, query.limit);
	return { items: items.filter((r) => isSeen(ctx, r.imei)).map((r) => view(ctx, r)), next };
}

async function one(ctx: Context, id: string): Promise<Row & { hex: string }> {
	const found = await sql<Row & { hex: string }>`
		SELECT ${COLUMNS}, encode(r.frame, 'hex') AS hex FROM device_ingest_raw r
		WHERE r.id = ${id} AND r.reason <> 'raw'`.execute(ctx.app.db);
	const row = found.rows[0];
	if (!row || !isSeen(ctx, row.imei)) throw notFound('There is no such frame');
	return row;
}

const Shown = z.object({ decoded: z.record(z.string(), z.unknown()) });

async function mark(ctx: Context, frames: readonly string[], what: 'decode' | 'drop') {
	return ctx.app.db.transaction().execute(async (trx) => {
		const there = await sql<{ id: string; imei: string }>`
			SELECT id, imei FROM device_ingest_raw
			WHERE id = ANY (${[...frames]}::bigint[]) AND reason <> 'raw' AND decoded_at IS NULL`.execute(trx);
		const allowed = there.rows.filter((r) => isSeen(ctx, r.imei)).map((r) => r.id);
		const refused = [...new Set(frames)].filter((id) => !allowed.includes(id));
		if (allowed.length === 0) return { marked: 0, refused };
		const done = await sql<{ marked: number }>`
			SELECT telematics_raw_request(${allowed}::bigint[], ${what}, ${ctx.who().login}) AS marked`.execute(trx);
		await ctx.audit(trx, `quarantine.${what}`, undefined, { frames: allowed });
		return { marked: done.rows[0]?.marked ?? 0, refused };
	});
}

export const quarantineRoutes = [
	route({
		method: 'get',
		path: '/quarantine',
		action: 'quarantine.list',
		tag: 'quarantine',
		summary: 'Frames that could not be stored, the latest first',
		query: FrameQuery,
		answer: page(Frame),
		handler: (ctx) => list(ctx, ctx.query),
	}),
	route({
		method: 'get',
		path: '/quarantine/:frame',
		action: 'quarantine.list',
		tag: 'quarantine',
		summary: 'One frame, with its bytes and what they say',
		params: z.object({ frame: Id }),
		answer: FrameContent,
		async handler(ctx) {
			const row = await one(ctx, ctx.params.frame);
			if (!mayRead(ctx, row)) return { ...view(ctx, row), hex: null, decoded: null };
			const shown = Shown.safeParse(await ctx.app.children.rawShow(row.id, ctx.who().id));
			return { ...view(ctx, row), hex: row.hex, decoded: shown.data?.decoded ?? null };
		},
	}),
	route({
		method: 'post',
		path: '/quarantine/decode',
		action: 'quarantine.mark',
		tag: 'quarantine',
		summary: 'Have the gateway decode frames again; look at result for what became of it',
		body: FrameMarks,
		answer: MarkResult,
		handler: (ctx) => mark(ctx, ctx.body.frames, 'decode'),
	}),
	route({
		method: 'post',
		path: '/quarantine/drop',
		action: 'quarantine.mark',
		tag: 'quarantine',
		summary: 'Have the gateway drop frames that nobody can decode',
		body: FrameMarks,
		answer: MarkResult,
		handler: (ctx) => mark(ctx, ctx.body.frames, 'drop'),
	}),
];
