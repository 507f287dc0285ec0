/**
 * devices/bulk: the same change to many devices, named or by a filter, in one transaction, of which one notification tells.
 * dryRun says what would become of each.
 */
import { sql, type Transaction } from 'kysely';
import type { z } from 'zod';
import { BulkEdit, BulkEditResult } from '../../shared/operations.ts';
import { MOST_AUDITED } from '../audit.ts';
import type { Inventory } from '../fleet/columns.ts';
import { matches } from '../fleet/search.ts';
import { findDevice, tagOf } from '../http/mount.ts';
import { route, type Context } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { filterOf } from './device_filter.ts';
import { GONE, TWICE } from './refusals.ts';
import type { Tables } from '../tables.ts';
import { mustBeAbleToPut, unlessThere } from './devices.ts';

type Result = z.input<typeof BulkEditResult>;
type Item = Result['items'][number];
type Bulk = Context<undefined, undefined, z.output<typeof BulkEdit>>;
type Change = Bulk['body']['change'];
type Field = Result['before'][number]['field'];

/** Of a filter so many are told of one by one. */
const MOST_ITEMS = 1000;
/** Of each field so many values are told. */
const MOST_VALUES = 10;

interface Planned extends Item {
	/** Null: it is refused. */
	there: Inventory | null;
}

const fields: readonly Field[] = ['group', 'enabled', 'model', 'category'];

function isSame(change: Change, there: Inventory): boolean {
	return fields.every((field) => change[field] === undefined || change[field] === there[field]);
}

function planAt(ctx: Bulk, ref: string, at: number): Planned {
	const device = ctx.app.fleet.columns.inventory[at];
	const known = { device: ref, imei: device?.imei ?? null, name: device?.name ?? null, there: null };
	if (!device || !ctx.may('device.update', { group: device.group }))
		return { ...known, outcome: 'refused', reason: 'you may not change it', refusal: 'mayNot' };
	const outcome = isSame(ctx.body.change, device) ? 'same' : 'would-change';
	return { ...known, there: device, outcome, reason: null, refusal: null };
}

function planOne(ctx: Bulk, ref: string, seen: Set<number>): Planned {
	const refused = { device: ref, imei: null, name: null, there: null, outcome: 'refused' as const };
	try {
		const at = findDevice(ctx.app, ctx.who(), ref);
		const planned = planAt(ctx, ref, at);
		if (seen.has(at)) return { ...planned, there: null, outcome: 'refused', ...TWICE };
		seen.add(at);
		return planned;
	} catch (error) {
		if (error instanceof Problem && error.status === 404) return { ...refused, ...GONE };
		throw error;
	}
}

function plan(ctx: Bulk): Planned[] {
	const { devices, filter } = ctx.body;
	if (filter === undefined) {
		const seen = new Set<number>();
		return (devices ?? []).map((ref) => planOne(ctx, ref, seen));
	}
	const { columns } = ctx.app.fleet;
	const found = matches(columns, filterOf(ctx, filter), ctx.app.fleet.now());
	return found.map((at) => planAt(ctx, columns.inventory[at]?.id.toString() ?? '', at));
}

type Before = Pick<Inventory, Field> & { id: bigint | string };

/** Of a change and of what it is done to: which devices, and what they have in the fields that it is about. */
function tagFor(change: Change, devices: readonly Before[]): string {
	const about = fields.filter((field) => change[field] !== undefined);
	const rows = devices.map((d) => [d.id.toString(), ...about.map((field) => d[field])] as const);
	rows.sort(([a], [b]) => (a < b ? -1 : 1));
	return tagOf([about.map((field) => [field, change[field]]), rows]);
}

function mustBeAsExpected({ expect }: Bulk['body'], tag: string, devices: number): void {
	if (expect === undefined || expect === tag) return;
	throw new Problem(409, 'Other devices match than before', {
		detail: `Or they have something else by now. It would change ${devices} now. Look at it again.`,
	});
}

/** Holds the devices against other changes, in one order, so that two such changes wait and do not block each other. */
async function hold(trx: Transaction<Tables>, ids: readonly string[]): Promise<Before[]> {
	const which = sql<string>`ANY (${[...ids]}::bigint[])`;
	await trx.selectFrom('devices').select('id').where('id', '=', which).orderBy('id').forNoKeyUpdate().execute();
	return trx
		.selectFrom('devices as d')
		.leftJoin('omnitrack.device_details as x', 'x.device_id', 'd.id')
		.leftJoin('omnitrack.device_groups as g', 'g.device_id', 'd.id')
		.select(['d.id', 'd.device_model as model', 'd.enabled', 'g.group_id as group', 'x.category'])
		.where('d.id', '=', which)
		.execute();
}

/** What the fields that are to be changed are now, most frequent first. */
function beforeOf(change: Change, devices: readonly Inventory[]): Result['before'] {
	return fields.flatMap((field) => {
		if (change[field] === undefined) return [];
		const counts = new Map<string | null, number>();
		for (const device of devices) {
			const value = device[field] === null ? null : String(device[field]);
			counts.set(value, (counts.get(value) ?? 0) + 1);
		}
		return [...counts]
			.sort(([, a], [, b]) => b - a)
			.slice(0, MOST_VALUES)
			.map(([value, n]) => ({ field, value, devices: n }));
	});
}

async function apply(ctx: Bulk, ids: readonly string[]): Promise<void> {
	const { change, filter } = ctx.body;
	const { group, enabled, model, category } = change;
	await ctx.app.db.transaction().execute(async (trx) => {
		const which = sql<string>`ANY (${[...ids]}::bigint[])`;
		const held = await hold(trx, ids);
		mustBeAsExpected(ctx.body, tagFor(change, held), held.length);
		const main = {
			...(enabled === undefined ? {} : { enabled }),
			...(model === undefined ? {} : { device_model: model }),
		};
		if (Object.keys(main).length > 0) await trx.updateTable('devices').set(main).where('id', '=', which).execute();
		if (category !== undefined)
			await sql`INSERT INTO omnitrack.device_details (device_id, category)
				SELECT id, ${category}::text FROM devices WHERE id = ${which}
				ON CONFLICT (device_id) DO UPDATE SET category = excluded.category`.execute(trx);
		if (group === null) await trx.deleteFrom('omnitrack.device_groups').where('device_id', '=', which).execute();
		else if (group !== undefined)
			await sql`INSERT INTO omnitrack.device_groups (device_id, group_id)
				SELECT id, ${group}::bigint FROM devices WHERE id = ${which}
				ON CONFLICT (device_id) DO UPDATE SET group_id = excluded.group_id`.execute(trx);
		// Of more, the filter and the count.
		const about = ids.length > MOST_AUDITED ? { filter, count: ids.length } : { devices: ids };
		await ctx.audit(trx, 'device.bulk', { kind: 'devices', id: null }, { change, ...about });
	});
	await ctx.app.fleet.refresh(ids);
}

export const bulkRoutes = [
	route({
		method: 'post',
		path: '/devices/bulk',
		action: 'devices.edit',
		tag: 'devices',
		summary: 'Change many devices alike; dryRun says which would be changed, and changes nothing',
		body: BulkEdit,
		answer: BulkEditResult,
		async handler(ctx) {
			const { dryRun, change, filter } = ctx.body;
			if (change.group !== undefined) mustBeAbleToPut(ctx, change.group);
			const planned = plan(ctx);
			const changing = planned.flatMap((p) => (p.there !== null && p.outcome === 'would-change' ? [p.there] : []));
			const tag = tagFor(change, changing);
			mustBeAsExpected(ctx.body, tag, changing.length);
			if (!dryRun && changing.length > 0)
				await unlessThere(() =>
					apply(
						ctx,
						changing.map((d) => d.id.toString()),
					),
				);
			const items = planned.map(({ there: _, ...item }) =>
				item.outcome === 'would-change' && !dryRun ? { ...item, outcome: 'changed' as const } : item,
			);
			const refused = items.filter((i) => i.outcome === 'refused');
			const others = items.filter((i) => i.outcome !== 'refused');
			return {
				dryRun,
				toChange: changing.length,
				tag,
				changed: dryRun ? 0 : changing.length,
				same: others.length - changing.length,
				refused: refused.length,
				before: beforeOf(change, changing),
				items: filter === undefined ? items : [...refused, ...others].slice(0, MOST_ITEMS),
			};
		},
	}),
];
