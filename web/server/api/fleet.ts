/** fleet/summary: how many devices are in which state, of those that one may see. */
import { groupsFor } from '../../shared/permissions.ts';
import { FleetSummary } from '../../shared/schemas.ts';
import { states } from '../../shared/state.ts';
import { route } from '../http/route.ts';
import { Problem } from '../problem.ts';

export const fleetRoutes = [
	route({
		method: 'get',
		path: '/fleet/summary',
		action: 'devices.list',
		tag: 'fleet',
		summary: 'How many devices are in which state, and which models there are',
		answer: FleetSummary,
		passive: true,
		handler({ app, who }) {
			if (!app.fleet.loaded)
				throw new Problem(503, 'The fleet is being loaded', { detail: 'Try again in a few seconds.' });
			const { columns } = app.fleet;
			const groups = groupsFor(who(), 'device.read', app.directory.parents);
			const counts = [0, 0, 0, 0, 0];
			const out = { disabled: 0, refused: 0, never: 0 };
			let devices = 0;
			let online = 0;
			const models = new Set<string>();
			for (let at = 0; at < columns.size; at++) {
				const device = columns.inventory[at];
				if (!device || (groups !== null && (device.group === null || !groups.has(device.group)))) continue;
				devices++;
				if (device.model !== null) models.add(device.model);
				const state = columns.state[at] ?? 0;
				counts[state] = (counts[state] ?? 0) + 1;
				if (columns.online(at)) online++;
				const reason = state === 0 ? columns.outReason(at) : null;
				if (reason !== null) out[reason]++;
			}
			const [o, silent, nofix, moving, standing] = counts;
			const byState = {
				out: o ?? 0,
				silent: silent ?? 0,
				nofix: nofix ?? 0,
				moving: moving ?? 0,
				standing: standing ?? 0,
			};
			if (Object.keys(byState).length !== states.length) throw new Error('a state without a count');
			return { at: new Date(app.fleet.now()).toISOString(), devices, byState, online, models: [...models].sort(), out };
		},
	}),
];
