/** devices: the inventory with its live state: search, look at, register, change, delete. */
import { sql } from 'kysely';
import { z } from 'zod';
import { groupsFor } from '../../shared/permissions.ts';
import { Device, DeviceCreate, DevicePatch, DeviceQuery, DeviceRef, page } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { decodeCursor, matches, pageOf, type Sort } from '../fleet/search.ts';
import { ifMatch } from '../http/headers.ts';
import { route, type Context } from '../http/route.ts';
import { Problem, unfit } from '../problem.ts';
import { viewDevice, type DeviceExtra } from './device_view.ts';
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

/** What a PATCH could change, which the ETag is of: the live state isn't. */
function editable(device: z.input<typeof Device>) {
	const { id, imei, name, model, enabled, group, plate, phone, category, notes } = device;
	return { id, imei, name, model, enabled, group, plate, phone, category, notes };
}

type Change = z.output<typeof DevicePatch>;

/** Into which group; a device in no group is an admin's alone. */
function mustBeAbleToPut(ctx: Context, group: string | null): void {
	if (group === null) {
		ctx.must('devices.ungrouped');
		return;
	}
	if (!ctx.app.directory.groups.has(group) || !ctx.may('device.read', { group }))
		throw unfit('group', 'there is no such group');
	ctx.must('device.create', { group });
}

async function write(app: App, id: string, change: Change): Promise<void> {
	await app.db.transaction().execute(async (trx) => {
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
	});
	await app.fleet.refresh([id]);
}

export const deviceRoutes = [
	route({
		method: 'get',
		path: '/devices',
		action: 'devices.list',
		tag: 'devices',
		summary: 'Devices that one may see: search, filter, sort',
		query: DeviceQuery,
		answer: page(Device),
		async handler({ app, query, who }) {
			if (!app.fleet.loaded)
				throw new Problem(503, 'The fleet is being loaded', { detail: 'Try again in a few seconds.' });
			const { columns } = app.fleet;
			const now = app.fleet.now();
			const after = query.cursor === undefined ? null : decodeCursor(query.cursor);
			if (after === null && query.cursor !== undefined)
				throw unfit('cursor', 'not a cursor of ours: give what stood in next, or none');
			const descending = query.sort.startsWith('-');
			const found = matches(
				columns,
				{
					visible: groupsFor(who(), 'device.read', app.directory.parents),
					words: query.q,
					states: query.state,
					groups: query.group && new Set(query.group.flatMap((g) => [...app.directory.within(g)])),
					models: query.model,
					silentFor: query.silentForS === undefined ? undefined : query.silentForS * 1000,
					ids: query.ids?.map(BigInt),
				},
				now,
			);
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
			return { items, next };
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
			let id: string;
			try {
				const made = await app.db
					.insertInto('devices')
					.values({
						imei: body.imei,
						name: body.name ?? null,
						device_model: body.model ?? null,
						enabled: body.enabled ?? true,
					})
					.returning('id')
					.executeTakeFirstOrThrow();
				id = made.id;
			} catch (error) {
				if (violated(error) === null) throw error;
				throw new Problem(409, 'This IMEI is registered already', {
					errors: [{ field: 'imei', message: 'registered already' }],
				});
			}
			const { imei: _, name: _n, model: _m, enabled: _e, ...details } = body;
			await write(app, id, details);
			await ctx.audit('device.create', { kind: 'device', id }, body);
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
			ctx.ifMatch(editable(before));
			if (body.group !== undefined && body.group !== before.group) mustBeAbleToPut(ctx, body.group);
			await write(app, before.id, body);
			await ctx.audit('device.update', { kind: 'device', id: before.id }, body);
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
			await ctx.app.db.deleteFrom('devices').where('id', '=', id).execute();
			await ctx.app.fleet.refresh([id]);
			await ctx.audit('device.delete', { kind: 'device', id }, { imei: device?.imei });
		},
	}),
];
