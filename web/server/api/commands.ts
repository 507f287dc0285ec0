/** commands: the ledger of what was sent to devices; sending to one or many, with a preview; cancelling. */
import { sql } from 'kysely';
import { z } from 'zod';
import { groupsFor } from '../../shared/permissions.ts';
import { BulkResult, BulkSend, Command, CommandQuery, CommandSend, DeviceRef, Id, page } from '../../shared/schemas.ts';
import { findDevice } from '../http/mount.ts';
import { idempotencyKey } from '../http/headers.ts';
import { route, type Context } from '../http/route.ts';
import { notFound, Problem } from '../problem.ts';
import { mustBeConfirmed, orderOf, plan, queue, type Order } from './command_sending.ts';
import { keyOf, once, type Keep } from './idempotency.ts';
import { iso, isoOrNull, pageById } from './lists.ts';

type Ctx = Context;

interface Row {
	id: string;
	imei: string;
	command_text: string;
	codec: number;
	status: z.infer<typeof Command>['status'];
	attempt_count: number;
	max_attempts: number | null;
	next_retry_at: Date | null;
	expires_at: Date | null;
	created_at: Date;
	created_by: string | null;
	updated_at: Date;
	sent_at: Date | null;
	responded_at: Date | null;
	codec12_response_hex: string | null;
	response_text: string | null;
	error_message: string | null;
}

const COLUMNS = sql.raw(`c.id, c.imei::text AS imei, c.command_text, c.codec, c.status, c.attempt_count, c.max_attempts,
	c.next_retry_at, c.expires_at, c.created_at, c.created_by, c.updated_at, c.sent_at, c.responded_at,
	c.codec12_response_hex, c.response_text, c.error_message`);

/** Texts and answers only for whoever may read them: they hold passwords. */
function view(ctx: Ctx, row: Row): z.input<typeof Command> {
	const { columns } = ctx.app.fleet;
	const at = columns.byImei.get(row.imei);
	const device = at === undefined ? null : columns.inventory[at];
	const readable = ctx.may('command.text', { group: device?.group ?? null });
	return {
		id: row.id,
		imei: row.imei,
		device: device?.id.toString() ?? null,
		deviceName: device?.name ?? null,
		text: readable ? row.command_text : null,
		codec: row.codec,
		status: row.status,
		attempts: row.attempt_count,
		maxAttempts: row.max_attempts,
		createdAt: iso(row.created_at),
		createdBy: row.created_by,
		updatedAt: iso(row.updated_at),
		sentAt: isoOrNull(row.sent_at),
		respondedAt: isoOrNull(row.responded_at),
		nextRetryAt: isoOrNull(row.next_retry_at),
		expiresAt: isoOrNull(row.expires_at),
		response: readable ? row.response_text : null,
		responseHex: readable ? row.codec12_response_hex : null,
		// An error may quote the answer.
		error: readable || row.status !== 'failed' ? row.error_message : 'failed',
	};
}

/** May this person see the command? Of a device that is in no inventory, only admins. */
function visible(ctx: Ctx, imei: string): boolean {
	const { columns } = ctx.app.fleet;
	const at = columns.byImei.get(imei);
	return ctx.may('command.read', { group: at === undefined ? null : (columns.inventory[at]?.group ?? null) });
}

async function one(ctx: Ctx, id: string): Promise<Row> {
	const found = await sql<Row>`SELECT ${COLUMNS} FROM device_commands c WHERE c.id = ${id}`.execute(ctx.app.db);
	const row = found.rows[0];
	if (!row || !visible(ctx, row.imei)) throw notFound('There is no such command');
	return row;
}

type Sent = z.input<typeof BulkResult>;

async function queueAll(
	ctx: Ctx,
	order: Order,
	imeis: readonly string[],
	keyed: { key: string | null; keep: Keep<Sent> },
	answer: (ids: ReadonlyMap<string, string>) => Sent,
): Promise<Sent> {
	return ctx.app.db.transaction().execute(async (trx) => {
		const ids = await queue(ctx, trx, order, imeis, keyed.key);
		await ctx.audit(trx, 'command.send', order.template ? { kind: 'template', id: order.template.id } : undefined, {
			commands: [...ids.values()].slice(0, 1000),
			template: order.template?.name ?? null,
		});
		const result = answer(ids);
		await keyed.keep(trx, result);
		return result;
	});
}

async function send(
	ctx: Ctx,
	body: z.output<typeof CommandSend>,
	refs: readonly string[],
	dryRun: boolean,
): Promise<Sent> {
	const key = keyOf(ctx);
	return once<Sent>(ctx, dryRun ? null : key, async (keep) => {
		const order = await orderOf(ctx, body);
		const planned = plan(ctx, order, refs);
		const imeis = planned.filter((i) => i.outcome === 'would-queue').map((i) => i.imei ?? '');
		const answer = (ids: ReadonlyMap<string, string>): Sent => {
			const items = planned.map(({ place: _, ...item }) => {
				const command = ids.get(item.imei ?? '');
				return item.outcome === 'would-queue' && command !== undefined
					? { ...item, outcome: 'queued' as const, command }
					: item;
			});
			return { dryRun, queued: ids.size, refused: items.filter((i) => i.outcome === 'refused').length, items };
		};
		if (dryRun || imeis.length === 0) return answer(new Map());
		mustBeConfirmed(order, body.confirm, key);
		return queueAll(ctx, order, imeis, { key, keep }, answer);
	});
}

/** Of one device: what is refused is a refusal of the request. */
async function sendOne(ctx: Ctx, body: z.output<typeof CommandSend>, ref: string): Promise<z.input<typeof Command>> {
	const result = await send(ctx, body, [ref], false);
	const [item] = result.items;
	if (item?.command == null)
		throw new Problem(403, 'The command was not queued', { detail: item?.reason ?? 'It was refused.' });
	return view(ctx, await one(ctx, item.command));
}

const OneDevice = z.object({ device: DeviceRef });

async function list(ctx: Ctx, query: z.output<typeof CommandQuery>) {
	const { app } = ctx;
	const before = query.cursor ?? null;
	const groups = groupsFor(ctx.who(), 'command.read', app.directory.parents);
	const at = query.device === undefined ? null : findDevice(app, ctx.who(), query.device);
	const imei = at === null ? null : (app.fleet.columns.inventory[at]?.imei ?? '');
	const found = await sql<Row>`
		SELECT ${COLUMNS} FROM device_commands c
		WHERE ${before === null ? sql`true` : sql`c.id < ${before}::bigint`}
			AND ${query.status === undefined ? sql`true` : sql`c.status = ANY (${query.status}::text[])`}
			AND ${imei === null ? sql`true` : sql`c.imei = ${imei}`}
			AND ${
				groups === null || imei !== null
					? sql`true`
					: sql`EXISTS (SELECT FROM devices d JOIN omnitrack.device_groups g ON g.device_id = d.id
						WHERE d.imei = c.imei AND g.group_id = ANY (${[...groups]}::bigint[]))`
			}
		ORDER BY c.id DESC LIMIT ${query.limit + 1}`.execute(app.db);
	const { items, next } = pageById(found.rows, query.limit);
	return { items: items.filter((r) => visible(ctx, r.imei)).map((r) => view(ctx, r)), next };
}

export const commandRoutes = [
	route({
		method: 'get',
		path: '/commands',
		action: 'commands.list',
		tag: 'commands',
		summary: 'The ledger, newest first',
		query: CommandQuery,
		answer: page(Command),
		handler: (ctx) => list(ctx, ctx.query),
	}),
	route({
		method: 'post',
		path: '/commands',
		action: 'commands.send',
		tag: 'commands',
		summary: 'Send to many; dryRun says who would get what, and sends nothing',
		body: BulkSend,
		headers: idempotencyKey,
		answer: BulkResult,
		handler: (ctx) => send(ctx, ctx.body, ctx.body.devices, ctx.body.dryRun),
	}),
	route({
		method: 'get',
		path: '/commands/:command',
		action: 'commands.list',
		tag: 'commands',
		summary: 'One command, with its attempts and its answer',
		params: z.object({ command: Id }),
		answer: Command,
		handler: async (ctx) => view(ctx, await one(ctx, ctx.params.command)),
	}),
	route({
		method: 'post',
		path: '/commands/:command/cancel',
		action: 'commands.send',
		tag: 'commands',
		summary: 'Cancel a command that was not sent yet',
		params: z.object({ command: Id }),
		answer: Command,
		async handler(ctx) {
			const row = await one(ctx, ctx.params.command);
			const at = ctx.app.fleet.columns.byImei.get(row.imei);
			ctx.must('command.send', {
				group: at === undefined ? null : (ctx.app.fleet.columns.inventory[at]?.group ?? null),
			});
			await ctx.app.db.transaction().execute(async (trx) => {
				const done = await trx
					.updateTable('device_commands')
					.set({ status: 'cancelled' })
					.where('id', '=', row.id)
					.where('status', '=', 'pending')
					.executeTakeFirst();
				if (done.numUpdatedRows === 0n)
					throw new Problem(409, 'It can no longer be cancelled', {
						detail:
							row.status === 'sent' || row.status === 'pending'
								? 'It is with the device already.'
								: `It is ${row.status}.`,
					});
				await ctx.audit(trx, 'command.cancel', { kind: 'command', id: row.id });
			});
			return view(ctx, await one(ctx, row.id));
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device/commands',
		action: 'command.read',
		tag: 'commands',
		summary: 'What was sent to one device, newest first',
		params: OneDevice,
		query: CommandQuery,
		answer: page(Command),
		handler: (ctx) => list(ctx, { ...ctx.query, device: ctx.params.device }),
	}),
	route({
		method: 'post',
		path: '/devices/:device/commands',
		action: 'command.send',
		tag: 'commands',
		summary: 'Send to one device',
		params: OneDevice,
		body: CommandSend,
		headers: idempotencyKey,
		answer: Command,
		status: 201,
		handler: (ctx) => sendOne(ctx, ctx.body, ctx.params.device),
	}),
];
