// A small fleet in columns, for tests.
import { Columns, type Inventory } from '../../server/fleet/columns.ts';
import { emptyRow, Flag, type LiveRow } from '../../server/fleet/decode.ts';

export const NOW = 1_800_000_000_000;

export function inventory(id: number, more: Partial<Inventory> = {}): Inventory {
	return {
		id: BigInt(id),
		imei: String(350_000_000_000_000 + id),
		name: `Car ${id}`,
		model: 'FMC130',
		enabled: true,
		plate: `AB ${id}`,
		phone: null,
		category: null,
		group: '2',
		refused: false,
		silentMoving: NaN,
		silentStanding: NaN,
		connectedAt: NaN,
		...more,
	};
}

export function liveRow(more: Partial<LiveRow> = {}): LiveRow {
	return {
		...emptyRow(),
		flags: Flag.online | Flag.fixKnown | Flag.fixNow,
		latitude: 546_800_000,
		longitude: 252_800_000,
		recordAt: NOW,
		fixAt: NOW,
		lastSeen: NOW,
		updatedAt: NOW,
		...more,
	};
}

/** Devices 1, 2, ...; each with a live row, or none. */
export function fleet(...devices: [Partial<Inventory>, Partial<LiveRow> | null][]): Columns {
	const columns = new Columns();
	devices.forEach(([device, row], i) => {
		const at = columns.put(inventory(i + 1, device), NOW);
		if (row) columns.live(at, liveRow(row), i + 1, NOW);
	});
	return columns;
}
