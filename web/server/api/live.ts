/** live: the socket's fallback: what has changed since a time of the database. */
import { groupsFor } from '../../shared/permissions.ts';
import { LiveAnswer, LiveQuery } from '../../shared/schemas.ts';
import { NOWHERE } from '../fleet/columns.ts';
import { route } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { isoOfMs } from './lists.ts';

const OVERLAP_MS = 5000;

export const liveRoutes = [
	route({
		method: 'get',
		path: '/live',
		action: 'devices.list',
		tag: 'fleet',
		summary: 'Live state of the devices that one may see; with since, only of those that have changed since then',
		query: LiveQuery,
		answer: LiveAnswer,
		passive: true,
		handler({ app, query, who }) {
			if (!app.fleet.loaded)
				throw new Problem(503, 'The fleet is being loaded', { detail: 'Try again in a few seconds.' });
			const { columns } = app.fleet;
			const groups = groupsFor(who(), 'device.read', app.directory.parents);
			const ids = query.ids && new Set(query.ids.map(BigInt));
			const since = (query.since ?? 0) - OVERLAP_MS;
			const items = [];
			let more = false;
			for (let at = 0; at < columns.size; at++) {
				const device = columns.inventory[at];
				if (!device || (groups !== null && (device.group === null || !groups.has(device.group)))) continue;
				if (ids && !ids.has(device.id)) continue;
				if (query.since !== undefined && !((columns.changedAt[at] ?? 0) > since)) continue;
				if (items.length >= query.limit) {
					more = true;
					break;
				}
				const known = columns.latitude[at] !== NOWHERE;
				items.push({
					id: device.id.toString(),
					state: columns.stateOf(at),
					online: columns.online(at),
					ignition: columns.ignition(at),
					latitude: known ? (columns.latitude[at] ?? 0) / 1e7 : null,
					longitude: known ? (columns.longitude[at] ?? 0) / 1e7 : null,
					speed: columns.speedOf(at),
					heading: known ? (columns.heading[at] ?? 0) : null,
					lastSeenAt: isoOfMs(columns.lastSeen[at]),
				});
			}
			return { asOf: app.fleet.now(), status: app.fleet.status(), more, items };
		},
	}),
];
