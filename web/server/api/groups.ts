/** groups: the tree of groups. One sees those in which one has a role. */
import type { Transaction } from 'kysely';
import { z } from 'zod';
import { isAdmin, roleIn } from '../../shared/permissions.ts';
import { Group, GroupPatch, GroupWrite, Id, page, PageQuery } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { ifMatch } from '../http/headers.ts';
import { route, type Context } from '../http/route.ts';
import { notFound, Problem, unfit } from '../problem.ts';
import type { Tables } from '../tables.ts';
import { pageOfAll, violated } from './lists.ts';

type Ctx = Context;
const OneGroup = z.object({ group: Id });

function counts(app: App): Map<string, number> {
	const found = new Map<string, number>();
	for (const device of app.fleet.columns.inventory)
		if (device?.group != null) found.set(device.group, (found.get(device.group) ?? 0) + 1);
	return found;
}

function view(ctx: Ctx, id: string, devices: number): z.input<typeof Group> {
	const group = ctx.app.directory.groups.get(id);
	if (!group) throw notFound('There is no such group');
	const person = ctx.who();
	return {
		id,
		// What is above one's own groups is nobody's business.
		...editable(ctx, group.name, group.parent),
		devices,
		role: ctx.display ? 'viewer' : isAdmin(person) ? 'admin' : roleIn(person, ctx.app.directory.parents, id),
	};
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		const which = violated(error);
		if (which === 'groups_name_key')
			throw new Problem(409, 'There is a group of this name beside it', {
				detail: 'Choose another name, or another place.',
				errors: [{ field: 'name', message: 'taken' }],
			});
		if (which === 'groups_tree')
			throw new Problem(409, 'A group can not be there', {
				errors: [{ field: 'parent', message: error instanceof Error ? error.message : '' }],
			});
		if (which !== null)
			throw new Problem(409, 'The group is not empty', { detail: 'Put its devices and groups elsewhere first.' });
		throw error;
	}
}

/** What a PATCH could change, as a reader sees it who may not look above. */
function editable(ctx: Ctx, name: string, parent: string | null) {
	return { name, parent: parent !== null && ctx.may('device.read', { group: parent }) ? parent : null };
}

/** Holds the group against other changes, and compares it with what the request was made for. */
async function hold(ctx: Ctx, trx: Transaction<Tables>, id: string): Promise<void> {
	const row = await trx
		.selectFrom('omnitrack.groups')
		.select(['name', 'parent_id'])
		.where('id', '=', id)
		.forUpdate()
		.executeTakeFirst();
	if (!row) throw notFound('There is no such group');
	ctx.ifMatch(editable(ctx, row.name, row.parent_id));
}

/** A parent that one may put a group under. */
function checkParent(ctx: Ctx, parent: string): void {
	if (!ctx.app.directory.groups.has(parent) || !ctx.may('device.read', { group: parent }))
		throw unfit('parent', 'there is no such group');
	ctx.must('group.create', { group: parent });
}

export const groupRoutes = [
	route({
		method: 'get',
		path: '/groups',
		action: 'groups.list',
		tag: 'groups',
		summary: 'Groups in which one has a role',
		query: PageQuery,
		answer: page(Group),
		async handler(ctx) {
			await ctx.app.directory.fresh();
			const devices = counts(ctx.app);
			const all = [...ctx.app.directory.groups.values()].filter((g) => ctx.may('device.read', { group: g.id }));
			all.sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
			const { items, next } = pageOfAll(all, ctx.query);
			return { items: items.map((g) => view(ctx, g.id, devices.get(g.id) ?? 0)), next };
		},
	}),
	route({
		method: 'post',
		path: '/groups',
		action: 'groups.create',
		tag: 'groups',
		summary: 'Make a group',
		body: GroupWrite,
		answer: Group,
		status: 201,
		async handler(ctx) {
			checkParent(ctx, ctx.body.parent);
			const made = await guarded(() =>
				ctx.app.db.transaction().execute(async (trx) => {
					const group = await trx
						.insertInto('omnitrack.groups')
						.values({ name: ctx.body.name, parent_id: ctx.body.parent })
						.returning('id')
						.executeTakeFirstOrThrow();
					await ctx.audit(trx, 'group.create', { kind: 'group', id: group.id }, ctx.body);
					return group;
				}),
			);
			await ctx.app.directory.reload({ kind: 'group', ids: [made.id] });
			return view(ctx, made.id, 0);
		},
	}),
	route({
		method: 'get',
		path: '/groups/:group',
		action: 'group.read',
		tag: 'groups',
		summary: 'One group',
		params: OneGroup,
		answer: Group,
		handler(ctx) {
			const group = view(ctx, ctx.group, counts(ctx.app).get(ctx.group) ?? 0);
			ctx.tag(editable(ctx, group.name, group.parent));
			return group;
		},
	}),
	route({
		method: 'patch',
		path: '/groups/:group',
		action: 'group.edit',
		tag: 'groups',
		summary: 'Rename or move a group',
		params: OneGroup,
		body: GroupPatch,
		headers: ifMatch,
		answer: Group,
		async handler(ctx) {
			const { app, group, body } = ctx;
			const before = view(ctx, group, 0);
			if (body.parent !== undefined) {
				if (before.parent === null)
					throw new Problem(409, 'The root can not be moved', { detail: 'Rename it, or move others.' });
				checkParent(ctx, body.parent);
			}
			const set = {
				...(body.name === undefined ? {} : { name: body.name }),
				...(body.parent === undefined ? {} : { parent_id: body.parent }),
			};
			await guarded(() =>
				app.db.transaction().execute(async (trx) => {
					await hold(ctx, trx, group);
					if (Object.keys(set).length > 0)
						await trx.updateTable('omnitrack.groups').set(set).where('id', '=', group).execute();
					await ctx.audit(trx, 'group.update', { kind: 'group', id: group }, body);
				}),
			);
			await app.directory.reload({ kind: 'group', ids: [group] });
			const after = view(ctx, group, counts(app).get(group) ?? 0);
			ctx.tag(editable(ctx, after.name, after.parent));
			return after;
		},
	}),
	route({
		method: 'delete',
		path: '/groups/:group',
		action: 'group.edit',
		tag: 'groups',
		summary: 'Delete an empty group',
		params: OneGroup,
		async handler(ctx) {
			const { app, group } = ctx;
			const before = view(ctx, group, 0);
			if (app.directory.groups.get(group)?.parent === null)
				throw new Problem(409, 'The root can not be deleted', { detail: 'All other groups are below it.' });
			await guarded(() =>
				app.db.transaction().execute(async (trx) => {
					await trx.deleteFrom('omnitrack.groups').where('id', '=', group).execute();
					await ctx.audit(trx, 'group.delete', { kind: 'group', id: group }, { name: before.name });
				}),
			);
			await app.directory.reload({ kind: 'group', ids: [group] });
		},
	}),
];
