/** audit: who did what, newest first. */
import { z } from 'zod';
import { AuditEntry, Id, page, PageQuery } from '../../shared/schemas.ts';
import { route } from '../http/route.ts';
import { iso, pageById } from './lists.ts';

export const auditRoutes = [
	route({
		method: 'get',
		path: '/audit',
		action: 'audit.list',
		tag: 'audit',
		summary: 'Who did what, newest first',
		query: PageQuery.extend({
			user: Id.optional(),
			object: z.string().max(50).optional().meta({ description: 'kind, or kind:id' }),
		}),
		answer: page(AuditEntry),
		async handler({ app, query }) {
			const before = query.cursor ?? null;
			const [kind, id] = query.object?.split(':') ?? [];
			const rows = await app.db
				.selectFrom('omnitrack.audit')
				.selectAll()
				.$if(before !== null, (q) => q.where('id', '<', before ?? ''))
				.$if(query.user !== undefined, (q) => q.where('user_id', '=', query.user ?? ''))
				.$if(kind !== undefined, (q) => q.where('object_kind', '=', kind ?? ''))
				.$if(id !== undefined, (q) => q.where('object_id', '=', id ?? ''))
				.orderBy('id', 'desc')
				.limit(query.limit + 1)
				.execute();
			const { items, next } = pageById(rows, query.limit);
			return {
				items: items.map((r) => ({
					id: r.id,
					at: iso(r.at),
					user: r.user_id,
					login: r.user_name,
					action: r.action,
					object: r.object_kind === null ? null : `${r.object_kind}:${r.object_id ?? ''}`,
					detail: r.details,
					address: r.address,
				})),
				next,
			};
		},
	}),
];
