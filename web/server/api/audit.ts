/** audit: who did what, newest first; in pages, or all of it as a file. */
import { sql } from 'kysely';
import { z } from 'zod';
import { EXPORT_TYPES } from '../../shared/history.ts';
import { authorize } from '../../shared/permissions.ts';
import { AuditEntry, Id, page, PageQuery, Time } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { csvLine } from '../csv.ts';
import { Turns } from '../history/turns.ts';
import { sendFile } from '../http/file.ts';
import { route, type Context } from '../http/route.ts';
import { iso, pageById } from './lists.ts';

const AuditFilter = z.strictObject({
	user: Id.optional(),
	object: z
		.string()
		.max(50)
		// eslint-disable-next-line no-control-regex -- which the database takes for no text
		.regex(/^[^\u0000]*$/)
		.optional()
		.meta({ description: 'kind, or kind:id' }),
	action: z
		.string()
		.regex(/^[a-z]+(\.[a-z]+){0,3}\.?$/)
		.optional()
		.meta({ description: 'an action; with a dot at its end, all that begin so' }),
	from: Time.optional(),
	to: Time.optional().meta({ description: 'the moment after the last' }),
});
type AuditFilter = z.output<typeof AuditFilter>;

/** Newest first, those before an id. */
async function entries(app: App, filter: AuditFilter, before: string | null, limit: number) {
	const [kind, id] = filter.object?.split(':') ?? [];
	const own = await rowsOf(app, filter, before, limit, { kind, id });
	// What was done to many at once is about each of them. Two questions, as each has its index.
	const many = kind === 'device' ? await rowsOf(app, filter, before, limit, { kind: 'devices', among: id }) : [];
	const rows = [...own, ...many].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? 1 : -1)).slice(0, limit);
	return rows.map((r) => ({
		id: r.id,
		at: iso(r.at),
		user: r.user_id,
		login: r.user_name,
		action: r.action,
		object: r.object_id === null ? null : `${r.object_kind ?? ''}:${r.object_id}`,
		detail: r.details,
		address: r.address,
	}));
}

/** `among`: of a device that the details must name. */
interface About {
	kind: string | undefined;
	id?: string | undefined;
	among?: string | undefined;
}

function rowsOf(app: App, filter: AuditFilter, before: string | null, limit: number, { kind, id, among }: About) {
	return app.db
		.selectFrom('omnitrack.audit')
		.selectAll()
		.$if(before !== null, (q) => q.where('id', '<', before ?? ''))
		.$if(filter.user !== undefined, (q) => q.where('user_id', '=', filter.user ?? ''))
		.$if(filter.action?.endsWith('.') === true, (q) => q.where('action', 'like', `${filter.action ?? ''}%`))
		.$if(filter.action?.endsWith('.') === false, (q) => q.where('action', '=', filter.action ?? ''))
		.$if(filter.from !== undefined, (q) => q.where('at', '>=', new Date(filter.from ?? 0)))
		.$if(filter.to !== undefined, (q) => q.where('at', '<', new Date(filter.to ?? 0)))
		.$if(kind !== undefined, (q) => q.where('object_kind', '=', kind ?? ''))
		.$if(id !== undefined, (q) => q.where('object_id', '=', id ?? ''))
		.$if(among !== undefined, (q) => q.where(sql<boolean>`details @> ${JSON.stringify({ devices: [among] })}::jsonb`))
		.orderBy('id', 'desc')
		.limit(limit)
		.execute();
}

/**
 * So many are read at a time, each time by a statement of its own: a slow client holds no snapshot. An entry may have some tens of
 * kilobytes, and so many are in memory for each file that is under way.
 */
const ROWS = 200;
const turns = new Turns(2, 8);

async function* fileOf({ app, who }: Context, filter: AuditFilter): AsyncGenerator<Buffer> {
	yield Buffer.from(csvLine(['id', 'at', 'user', 'login', 'action', 'object', 'detail', 'address']));
	for (let before: string | null = null; ; ) {
		// The right may be taken away while it runs.
		if (!authorize(await app.directory.person(who().id), 'audit.list', app.directory.parents))
			throw new Error('the right to read the audit log was taken away');
		const some = await entries(app, filter, before, ROWS);
		const lines = some.map((e) =>
			csvLine([
				e.id,
				e.at,
				e.user,
				e.login,
				e.action,
				e.object,
				e.detail === null ? null : JSON.stringify(e.detail),
				e.address,
			]),
		);
		yield Buffer.from(lines.join(''));
		before = some.at(-1)?.id ?? null;
		if (before === null || some.length < ROWS) return;
	}
}

export const auditRoutes = [
	route({
		method: 'get',
		path: '/audit',
		action: 'audit.list',
		tag: 'audit',
		summary: 'Who did what, newest first',
		query: PageQuery.extend(AuditFilter.shape),
		answer: page(AuditEntry),
		handler: async ({ app, query }) =>
			pageById(await entries(app, query, query.cursor ?? null, query.limit + 1), query.limit),
	}),
	route({
		method: 'get',
		path: '/audit/export',
		action: 'audit.list',
		tag: 'audit',
		summary: 'Who did what, newest first: all of it as CSV',
		query: AuditFilter,
		produces: [EXPORT_TYPES.csv],
		async handler(ctx) {
			await sendFile(ctx, {
				name: `omnitrack-audit-${new Date().toISOString().slice(0, 10)}.csv`,
				type: EXPORT_TYPES.csv,
				turns,
				details: { format: 'csv', of: 'audit', ...ctx.query },
				chunks: fileOf(ctx, ctx.query),
			});
		},
	}),
];
