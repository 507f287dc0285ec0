/**
 * Alarms, as they arrive: asked for by arrival in windows that overlap, as commits overtake each other, with the record's
 * key as identity (doc/dictionary.md). Nobody is asked for anything while no page is open.
 */
import { sql } from 'kysely';
import type { Alarm } from '../../shared/live.ts';
import type { App } from '../context.ts';

/** How far commits may overtake each other. */
const OVERLAP_MS = 60_000;
/** Of one question: a flood of alarms is told by its newest. */
const MOST = 200;

interface Row {
	device_id: string;
	key: string;
	received_ms: number;
	recorded_at: Date;
	kind: string | null;
	label: string | null;
	text: string | null;
	value: number | null;
	unit: string | null;
	event_io_id: number;
	latitude: number;
	longitude: number;
	valid: boolean;
}

export class Alarms {
	readonly #app: App;
	/** Keys of the last window, with their arrival in milliseconds. */
	#seen = new Map<string, number>();
	/** Arrival of the newest that was seen; null: it has not asked since somebody listens. */
	#newest: number | null = null;
	/** When nobody listened, last: what had arrived until then is no news. */
	#since: number;
	#asking = false;

	constructor(app: App) {
		this.#app = app;
		this.#since = app.fleet.now();
	}

	/** Nobody listens: what comes until somebody does is told to nobody. */
	rest(): void {
		this.#newest = null;
		this.#since = this.#app.fleet.now();
		this.#seen.clear();
	}

	/** What has arrived since it was last asked, oldest first, with the group of each device. */
	async arrived(): Promise<{ alarm: Alarm; group: string | null }[]> {
		if (this.#asking) return [];
		this.#asking = true;
		try {
			const newest = this.#newest ?? this.#since;
			const rows = await this.#ask(newest - OVERLAP_MS);
			const fresh = rows.filter((row) => !this.#seen.has(row.key) && row.received_ms >= this.#since);
			for (const row of rows) this.#seen.set(row.key, row.received_ms);
			this.#newest = rows.reduce((so, row) => Math.max(so, row.received_ms), newest);
			for (const [key, at] of this.#seen) if (at < this.#newest - OVERLAP_MS) this.#seen.delete(key);
			return fresh.reverse().flatMap((row) => this.#told(row));
		} finally {
			this.#asking = false;
		}
	}

	async #ask(from: number): Promise<Row[]> {
		const found = await sql<Row>`
			SELECT device_id::text AS device_id, format('%s %s %s', device_id, extract(epoch FROM recorded_at), record_hash) AS key,
				extract(epoch FROM received_at)::float8 * 1000 AS received_ms, recorded_at, kind, label, text, value, unit,
				event_io_id, latitude, longitude, valid
			FROM device_events
			WHERE received_at >= to_timestamp(${from}::float8 / 1000) AND severity = 'alarm'
			ORDER BY received_at DESC LIMIT ${MOST}`.execute(this.#app.db);
		return found.rows;
	}

	/** Nothing for a device that is in no inventory. */
	#told(row: Row): { alarm: Alarm; group: string | null }[] {
		const { columns } = this.#app.fleet;
		const device = columns.inventory[columns.places.get(BigInt(row.device_id)) ?? -1];
		if (!device) return [];
		const alarm: Alarm = {
			key: row.key,
			device: row.device_id,
			title: device.name ?? device.plate ?? device.imei,
			at: row.recorded_at.getTime(),
			kind: row.kind ?? `io_${row.event_io_id}`,
			label: row.label ?? row.text,
			value: row.value,
			unit: row.unit,
			latitude: row.valid ? row.latitude : null,
			longitude: row.valid ? row.longitude : null,
		};
		return [{ alarm, group: device.group }];
	}
}
