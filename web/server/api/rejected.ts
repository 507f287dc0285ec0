/** rejected: IMEIs that were refused; registering one is POST /devices. */
import { sql } from 'kysely';
import { page, TimePageQuery, Refused } from '../../shared/schemas.ts';
import { route } from '../http/route.ts';
import { iso } from './lists.ts';

export const refusedRoutes = [
	route({
		method: 'get',
		path: '/rejected',
		action: 'refused.list',
		tag: 'devices',
		summary: 'IMEIs that were refused, newest first',
		query: TimePageQuery,
		answer: page(Refused),
		async handler({ app, query }) {
			const cursor = query.cursor?.split('.');
			const found = await sql<{
				imei: string;
				reason: string;
				first_seen_at: Date;
				last_seen_at: Date;
				attempts: string;
				address: string | null;
				key: string;
			}>`
				SELECT imei, reason, first_seen_at, last_seen_at, attempts, host(last_remote_addr) AS address,
					(extract(epoch FROM last_seen_at) * 1000000)::bigint || '.' || imei AS key
				FROM rejected_devices
				WHERE ${
					cursor === undefined
						? sql`true`
						: sql`(last_seen_at, imei) < (timestamptz 'epoch' + ${cursor[0]}::bigint * interval '1 microsecond', ${cursor[1]})`
				}
				ORDER BY last_seen_at DESC, imei DESC LIMIT ${query.limit + 1}`.execute(app.db);
			const rows = found.rows.slice(0, query.limit);
			return {
				items: rows.map((r) => {
					const { columns } = app.fleet;
					const at = columns.byImei.get(r.imei);
					const device = at === undefined ? null : columns.inventory[at];
					return {
						imei: r.imei,
						reason: r.reason,
						firstSeenAt: iso(r.first_seen_at),
						lastSeenAt: iso(r.last_seen_at),
						attempts: Number(r.attempts),
						address: r.address,
						device: device?.id.toString() ?? null,
						enabled: device?.enabled ?? false,
						online: at !== undefined && columns.online(at),
					};
				}),
				next: found.rows.length > query.limit ? (rows.at(-1)?.key ?? null) : null,
			};
		},
	}),
];
