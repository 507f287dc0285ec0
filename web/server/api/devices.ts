/** devices: the inventory with its live state: search, look at, register, change, delete. */
import { sql, type Transaction } from 'kysely';
import { z } from 'zod';
import { Device, DeviceCreate, DevicePatch, DeviceQuery, DeviceRef, FoundDevices } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { decodeCursor, matches, pageOf, type Sort } from '../fleet/search.ts';
import { ifMatch } from '../http/headers.ts';
import { route, type Context } from '../http/route.ts';
import { notFound, Problem, unfit } from '../problem.ts';
import { filterOf } from './device_filter.ts';
import { viewDevice, type DeviceExtra } from './device_view.ts';
import type { Tables } from '../tables.ts';
import { violated } from './lists.ts';

const OneDevice = z.object({ device: DeviceRef });

async function extrasOf(app: App, ids: string[]): Promise<Map<string, DeviceExtra>> {
	if (ids.length === 0) return new Map();
	const rows = await app.db
		.selectFrom('devices as d')
		.leftJoin('omnitrack.device_details as x', 'x.device_id', 'd.id')
		.select(['d.id', 'd.created_at', 'x.notes'])
		.where('d.id', '=', sql<string>`ANY (${ids}::bigint[])`)
		.execute();
	return new Map(rows.map((r) => [r.id, { notes: r.notes, createdAt: r.created_at }]));
}

async function show(app: App, at: number) {
	const id = app.fleet.columns.inventory[at]?.id.toString() ?? '';
	return viewDevice(app.fleet.columns, at, (await extrasOf(app, [id])).get(id));
}

type Editable = Pick<
	z.input<typeof Device>,
	'id' | 'imei' | 'name' | 'model' | 'enabled' | 'group' | 'plate' | 'phone' | 'category' | 'notes'
>;

/** What a PATCH could change, which the ETag is of: the live state isn't. */
function editable(device: Editable) {
	const { id, imei, name, model, enabled, group, plate, phone, category, notes } = device;
	return { id, imei, name, model, enabled, group, plate, phone, category, notes };
}

/** Holds the device against other changes, and compares it with what the request was made for. */
async function hold(ctx: Pick<Context, 'ifMatch'>, trx: Transaction<Tables>, id: string): Promise<void> {
	await trx.selectFrom('devices').select('id').where('id', '=', id).forNoKeyUpdate().execute();
	const row = await trx
		.selectFrom('devices as d')
		.leftJoin('omnitrack.device_details as x', 'x.device_id', 'd.id')
		.leftJoin('omnitrack.device_groups as g', 'g.device_id', 'd.id')
		.select(['d.id', 'd.imei', 'd.name', 'd.device_model as model', 'd.enabled', 'g.group_id as group'])
		.select(['x.plate', 'x.phone', 'x.category', 'x.notes'])
		.where('d.id', '=', id)
		.executeTakeFirst();
	if (!row) throw notFound('There is no such device');
	ctx.ifMatch(editable(row));
}

type Change = z.output<typeof DevicePatch>;

/** Into which group; a device in no group is an admin's alone. */
export function mustBeAbleToPut(ctx: Pick<Context, 'app' | 'may' | 'must'>, group: string | null): void {
	if (group === null) {
		ctx.must('devices.ungrouped');
		return;
	}
	if (!ctx.app.directory.groups.has(group) || !ctx.may('device.read', { group }))
		throw unfit('group', 'there is no such group');
	ctx.must('device.create', { group });
}

async function write(trx: Transaction<Tables>, id: string, change: Change): Promise<void> {
	const main = {
		...(change.name === undefined ? {} : { name: change.name }),
		...(change.model === undefined ? {} : { device_model: change.model }),
		...(change.enabled === undefined ? {} : { enabled: change.enabled }),
	};
	if (Object.keys(main).length > 0) await trx.updateTable('devices').set(main).where('id', '=', id).execute();
	const { plate, phone, category, notes } = change;
	const details = Object.fromEntries(
		Object.entries({ plate, phone, category, notes }).filter(([, v]) => v !== undefined),
	);
	if (Object.keys(details).length > 0)
		await trx
			.insertInto('omnitrack.device_details')
			.values({ device_id: id, ...details })
			.onConflict((c) => c.column('device_id').doUpdateSet(details))
			.execute();
	if (change.group === null) await trx.deleteFrom('omnitrack.device_groups').where('device_id', '=', id).execute();
	else if (change.group !== undefined)
		await trx
			.insertInto('omnitrack.device_groups')
			.values({ device_id: id, group_id: change.group })
			.onConflict((c) => c.column('device_id').doUpdateSet({ group_id: change.group ?? '' }))
			.execute();
}

/** Words for a group that has just gone, and for an IMEI that has just come. */
export async function unlessThere<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		const which = violated(error);
		if (which?.startsWith('device_groups') === true) throw unfit('group', 'there is no such group');
		// Anything else that is there already is the IMEI, whatever the constraint is called.
		if (which === null || (error as { code?: unknown }).code !== '23505') throw error;
		throw new Problem(409, 'This IMEI is registered already', {
			detail: 'Correct the IMEI, or look for the device by it. Another group may have it.',
			errors: [{ field: 'imei', message: 'registered already' }],
		});
	}
}

export const deviceRoutes = [
	route({
		method: 'get',
		path: '/devices',
		action: 'devices.list',
		tag: 'devices',
		summary: 'Devices that one may see: search, filter, sort',
		query: DeviceQuery,
		answer: FoundDevices,
		async handler(ctx) {
			const { app, query } = ctx;
			const filter = filterOf(ctx, query);
			const { columns } = app.fleet;
			const now = app.fleet.now();
			const after = query.cursor === undefined ? null : decodeCursor(query.cursor);
			if (after === null && query.cursor !== undefined)
				throw unfit('cursor', 'not a cursor of ours: give what stood in next, or none');
			const descending = query.sort.startsWith('-');
			const found = matches(columns, { ...filter, ids: query.ids?.map(BigInt) }, now);
			const { places, next } = pageOf(
				columns,
				found,
				query.sort.replace(/^-/, '') as Sort,
				descending,
				query.limit,
				after,
			);
			const extras = await extrasOf(
				app,
				places.map((at) => columns.inventory[at]?.id.toString() ?? ''),
			);
			const items = places
				.filter((at) => columns.inventory[at])
				.map((at) => viewDevice(columns, at, extras.get(columns.inventory[at]?.id.toString() ?? '')));
			return { items, next, total: found.length };
		},
	}),
	route({
		method: 'post',
		path: '/devices',
		action: 'devices.create',
		tag: 'devices',
		summary: 'Register a device',
		body: DeviceCreate,
		answer: Device,
		status: 201,
		async handler(ctx) {
			const { app, body } = ctx;
			mustBeAbleToPut(ctx, body.group ?? null);
			const id = await unlessThere(() =>
				app.db.transaction().execute(async (trx) => {
					const made = await trx
						.insertInto('devices')
						.values({
							imei: body.imei,
							name: body.name ?? null,
							device_model: body.model ?? null,
							enabled: body.enabled ?? true,
						})
						.returning('id')
						.executeTakeFirstOrThrow();
					const { imei: _, name: _n, model: _m, enabled: _e, ...details } = body;
					await write(trx, made.id, details);
					await ctx.audit(trx, 'device.create', { kind: 'device', id: made.id }, body);
					return made.id;
				}),
			);
			await app.fleet.refresh([id]);
			const at = app.fleet.columns.places.get(BigInt(id));
			if (at === undefined)
				throw new Problem(503, 'The device is registered, and not yet known here', { detail: 'Load it again.' });
			const device = await show(app, at);
			ctx.tag(editable(device));
			return device;
		},
	}),
	route({
		method: 'get',
		path: '/devices/:device',
		action: 'device.read',
		tag: 'devices',
		summary: 'One device',
		params: OneDevice,
		answer: Device,
		async handler({ app, place, tag }) {
			const device = await show(app, place);
			// Without its live state it would say "not changed" for a device that moves.
			tag(editable(device));
			return device;
		},
	}),
	route({
		method: 'patch',
		path: '/devices/:device',
		action: 'device.update',
		tag: 'devices',
		summary: 'Change what is known of a device',
		params: OneDevice,
		body: DevicePatch,
		headers: ifMatch,
		answer: Device,
		async handler(ctx) {
			const { app, body, place } = ctx;
			const before = await show(app, place);
			if (body.group !== undefined && body.group !== before.group) mustBeAbleToPut(ctx, body.group);
			await unlessThere(() =>
				app.db.transaction().execute(async (trx) => {
					await hold(ctx, trx, before.id);
					await write(trx, before.id, body);
					await ctx.audit(trx, 'device.update', { kind: 'device', id: before.id }, body);
				}),
			);
			await app.fleet.refresh([before.id]);
			const device = await show(app, app.fleet.columns.places.get(BigInt(before.id)) ?? -1);
			ctx.tag(editable(device));
			return device;
		},
	}),
	route({
		method: 'delete',
		path: '/devices/:device',
		action: 'device.delete',
		tag: 'devices',
		summary: 'Delete a device from the inventory; its history stays',
		params: OneDevice,
		async handler(ctx) {
			const device = ctx.app.fleet.columns.inventory[ctx.place];
			const id = device?.id.toString() ?? '';
			await ctx.app.db.transaction().execute(async (trx) => {
				await trx.deleteFrom('devices').where('id', '=', id).execute();
				await ctx.audit(trx, 'device.delete', { kind: 'device', id }, { imei: device?.imei });
			});
			await ctx.app.fleet.refresh([id]);
		},
	}),
];
