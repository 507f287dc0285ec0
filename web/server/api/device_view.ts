/** A device as the API shows it, from the columns. */
import type { z } from 'zod';
import type { Device } from '../../shared/schemas.ts';
import { NOWHERE, type Columns } from '../fleet/columns.ts';
import { Problem } from '../problem.ts';
import { isoOfMs } from './lists.ts';

export type DeviceView = z.input<typeof Device>;

/** What only the tables know. */
export interface DeviceExtra {
	notes: string | null;
	createdAt: Date | null;
}

export function viewDevice(fleet: Columns, at: number, extra: DeviceExtra | undefined): DeviceView {
	const device = fleet.inventory[at];
	if (!device) throw new Problem(404, 'There is no such device');
	const state = fleet.stateOf(at);
	const known = fleet.latitude[at] !== NOWHERE;
	return {
		id: device.id.toString(),
		imei: device.imei,
		name: device.name,
		plate: device.plate,
		phone: device.phone,
		category: device.category,
		notes: extra?.notes ?? null,
		model: device.model,
		group: device.group,
		enabled: device.enabled,
		createdAt: extra?.createdAt?.toISOString() ?? null,
		state,
		out: state === 'out' ? fleet.outReason(at) : null,
		online: fleet.online(at),
		clockAhead: fleet.clockAhead(at),
		ignition: fleet.ignition(at),
		latitude: known ? (fleet.latitude[at] ?? 0) / 1e7 : null,
		longitude: known ? (fleet.longitude[at] ?? 0) / 1e7 : null,
		speed: fleet.speedOf(at),
		heading: known ? (fleet.heading[at] ?? 0) : null,
		fixAt: known ? isoOfMs(fleet.fixAt[at]) : null,
		lastSeenAt: isoOfMs(fleet.lastSeen[at]),
		silentSince: isoOfMs(fleet.since(at)),
		silentAfterS: Math.round(fleet.patience(at) / 1000),
	};
}
