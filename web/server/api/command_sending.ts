/** Queueing commands: what is to be sent, may it be, and to whom. Used for one device and for many. */
import { sql, type Transaction } from 'kysely';
import { z } from 'zod';
import { highestRole, rank, roleIn } from '../../shared/permissions.ts';
import { TemplateParameter, type BulkItem, type CommandSend } from '../../shared/schemas.ts';
import { firstWord } from '../../shared/text.ts';
import { fillTemplate } from '../../shared/template_text.ts';
import type { Context } from '../http/route.ts';
import { findDevice } from '../http/mount.ts';
import { Problem, unfit } from '../problem.ts';
import { isoOfMs } from './lists.ts';
import { DISABLED, GONE, TWICE, type Refused } from './refusals.ts';
import { NOWHERE } from '../fleet/columns.ts';
import type { Tables } from '../tables.ts';

type Request = z.output<typeof CommandSend>;
type Item = z.input<typeof BulkItem>;
type Ctx = Context;

/** A dangerous command is sent once, soon, or not at all. A text of one's own may be the text of a dangerous template. */
const DANGEROUS_EXPIRY_S = 600;

export interface Order {
	text: string;
	codec: number;
	/** Null: a text of one's own. */
	template: { id: string; name: string; role: 'operator' | 'installer' | 'admin' } | null;
	/** What has to be typed before it is sent, and what that is; null: nothing, it is not dangerous. */
	fence: { word: string; meaning: string } | null;
	maxAttempts: number | null;
	expiresInS: number | null;
}

const fenced = (asked: number | null) => ({
	maxAttempts: 1,
	expiresInS: Math.min(asked ?? DANGEROUS_EXPIRY_S, DANGEROUS_EXPIRY_S),
});

/** Throws unless the sender has confirmed a dangerous command. `key`: the request's Idempotency-Key. */
export function mustBeConfirmed(order: Order, confirm: string | undefined, key: string | null): void {
	if (order.fence === null) return;
	if (confirm !== order.fence.word) throw unfit('confirm', `type ${order.fence.meaning}: ${order.fence.word}`);
	if (key === null)
		throw new Problem(428, 'A dangerous command needs an Idempotency-Key', {
			detail: 'Without it, a request that is sent again by accident would send the command again.',
		});
}

/** What is to be sent. */
export async function orderOf(ctx: Ctx, body: Request): Promise<Order> {
	if ((body.template === undefined) === (body.text === undefined))
		throw unfit('template', 'give either a template or a text');
	const rest = { maxAttempts: body.maxAttempts ?? null, expiresInS: body.expiresInS ?? null };
	if (body.text !== undefined) {
		if (body.parameters !== undefined) throw unfit('parameters', 'only templates have parameters');
		const word = firstWord(body.text);
		if (word === '') throw unfit('text', 'write a command');
		return {
			text: body.text,
			codec: body.codec ?? 12,
			template: null,
			fence: { word, meaning: 'the first word of the command' },
			...fenced(rest.expiresInS),
		};
	}
	const row = await ctx.app.db
		.selectFrom('omnitrack.command_templates')
		.selectAll()
		.where('id', '=', body.template ?? '')
		.executeTakeFirst();
	// One that is above the person's roles isn't listed for them either: its text, and its name, may be a secret.
	if (!row || rank(row.min_role) > rank(highestRole(ctx.who()))) throw unfit('template', 'there is no such template');
	const filled = fillTemplate(
		row.command_text,
		z.array(TemplateParameter).parse(row.parameters),
		body.parameters ?? {},
	);
	if ('field' in filled) throw unfit(filled.field, filled.message);
	return {
		text: filled.text,
		codec: body.codec ?? row.codec,
		template: { id: row.id, name: row.name, role: row.min_role },
		fence: row.dangerous ? { word: row.name, meaning: 'the name of the template' } : null,
		...(row.dangerous ? fenced(rest.expiresInS) : rest),
	};
}

/** Why this person may not send this to that device; null: allowed. */
function forbidden(ctx: Ctx, order: Order, group: string | null): Refused | null {
	const object = { group };
	if (!ctx.may('command.send', object)) return { reason: 'you may not send commands to it', refusal: 'mayNot' };
	if (order.template === null)
		return ctx.may('command.free', object)
			? null
			: { reason: 'you may send it templates alone', refusal: 'templatesAlone' };
	const person = ctx.who();
	if (ctx.may('templates.edit')) return null;
	const role = group === null ? null : roleIn(person, ctx.app.directory.parents, group);
	return rank(role) >= rank(order.template.role)
		? null
		: { reason: `this template needs the role ${order.template.role}`, refusal: 'role' };
}

/** What would happen to each device. */
export function plan(ctx: Ctx, order: Order, refs: readonly string[]): (Item & { place: number })[] {
	const { columns } = ctx.app.fleet;
	const seen = new Set<number>();
	return refs.map((ref) => {
		const base = { device: ref, imei: null, name: null, text: null, command: null, speed: null, fixAt: null };
		let place: number;
		try {
			place = findDevice(ctx.app, ctx.who(), ref);
		} catch (error) {
			if (error instanceof Problem && error.status === 404) return { ...base, outcome: 'refused', ...GONE, place: -1 };
			throw error;
		}
		const device = columns.inventory[place];
		const refused = seen.has(place)
			? TWICE
			: device?.enabled === false
				? DISABLED
				: forbidden(ctx, order, device?.group ?? null);
		seen.add(place);
		return {
			...base,
			imei: device?.imei ?? null,
			name: device?.name ?? null,
			// What they may not send there they need not read: it is a template for a higher role.
			text: refused === null ? order.text : null,
			outcome: refused === null ? 'would-queue' : 'refused',
			...(refused ?? { reason: null, refusal: null }),
			speed: columns.speedOf(place),
			fixAt: columns.latitude[place] === NOWHERE ? null : isoOfMs(columns.fixAt[place]),
			place,
		};
	});
}

/** Queues what was planned: one statement, and so one notification. The ids by IMEI. */
export async function queue(
	ctx: Ctx,
	trx: Transaction<Tables>,
	order: Order,
	imeis: readonly string[],
	key: string | null,
): Promise<Map<string, string>> {
	const expires = order.expiresInS === null ? null : new Date(ctx.app.fleet.now() + order.expiresInS * 1000);
	try {
		const rows = await sql<{ id: string; imei: string }>`
			INSERT INTO device_commands (imei, command_text, codec, max_attempts, expires_at, idempotency_key, created_by)
			SELECT imei, ${order.text}, ${order.codec}::smallint, ${order.maxAttempts}::integer, ${expires}::timestamptz,
				${key}::text, ${ctx.who().login}
			FROM unnest(${[...imeis]}::text[]) AS imei
			RETURNING id, imei`.execute(trx);
		return new Map(rows.rows.map((r) => [r.imei, r.id]));
	} catch (error) {
		if (error instanceof Error && 'code' in error && error.code === '23514') {
			const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : 'Correct the text.';
			throw new Problem(422, 'The command is not as it should be', {
				detail: hint,
				errors: [{ field: 'text', message: error.message }],
			});
		}
		throw error;
	}
}
