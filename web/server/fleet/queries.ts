/** What the fleet asks the database for: the inventory, live rows, the clock. */
import type { ClientBase } from 'pg';
import { z } from 'zod';
import type { Inventory } from './columns.ts';
import { ROW_BYTES } from './decode.ts';

export type Queryable = Pick<ClientBase, 'query'>;

const InventoryRow = z.object({
	id: z.string(),
	imei: z.string(),
	name: z.string().nullable(),
	model: z.string().nullable(),
	enabled: z.boolean(),
	plate: z.string().nullable(),
	phone: z.string().nullable(),
	category: z.string().nullable(),
	group_id: z.string().nullable(),
	refused: z.boolean(),
	moving_s: z.number(),
	standing_s: z.number(),
	connected_ms: z.number().nullable(),
});

// A refusal counts if nothing has let the device in since, nor was it registered since.
const INVENTORY = `
	SELECT d.id::text AS id, d.imei::text AS imei, d.name::text AS name, d.device_model::text AS model, d.enabled,
		x.plate, x.phone, x.category, g.group_id::text AS group_id,
		coalesce(r.last_seen_at > greatest(o.last_seen_at, o.connected_at, d.created_at), false) AS refused,
		telematics_patience(h.moving_gap_s, h.moving_gaps, true)::float8 AS moving_s,
		telematics_patience(h.standing_gap_s, h.standing_gaps, false)::float8 AS standing_s,
		CASE WHEN o.last_record_at IS NULL THEN extract(epoch FROM o.connected_at)::float8 * 1000 END AS connected_ms
	FROM devices d
		LEFT JOIN omnitrack.device_details x ON x.device_id = d.id
		LEFT JOIN omnitrack.device_groups g ON g.device_id = d.id
		LEFT JOIN device_online o ON o.device_id = d.id
		LEFT JOIN device_rhythm h ON h.device_id = d.id
		LEFT JOIN rejected_devices r ON r.imei = d.imei`;

function toInventory(raw: unknown): Inventory {
	const row = InventoryRow.parse(raw);
	return {
		id: BigInt(row.id),
		imei: row.imei,
		name: row.name,
		model: row.model,
		enabled: row.enabled,
		plate: row.plate,
		phone: row.phone,
		category: row.category,
		group: row.group_id,
		refused: row.refused,
		silentMoving: row.moving_s * 1000,
		silentStanding: row.standing_s * 1000,
		connectedAt: row.connected_ms ?? NaN,
	};
}

/** The inventory of some devices. */
export async function inventoryOf(db: Queryable, ids: readonly string[]): Promise<Inventory[]> {
	const found = await db.query<Record<string, unknown>>(`${INVENTORY} WHERE d.id = ANY ($1::bigint[])`, [ids]);
	return found.rows.map(toInventory);
}

const CHUNK = 10_000;

/** The inventory of all, some thousand at a time. */
export async function* wholeInventory(db: Queryable): AsyncGenerator<Inventory[]> {
	for (let last = '0'; ; ) {
		const found = await db.query<Record<string, unknown>>(
			`${INVENTORY} WHERE d.id > $1::bigint ORDER BY d.id LIMIT ${CHUNK}`,
			[last],
		);
		const chunk = found.rows.map(toInventory);
		if (chunk.length > 0) yield chunk;
		const end = chunk.at(-1);
		if (chunk.length < CHUNK || end === undefined) return;
		last = end.id.toString();
	}
}

const Packed = z.object({ rows: z.string().nullable() });
const PACKED = `SELECT encode(string_agg(l.packed, ''::bytea), 'base64') AS rows FROM`;

function unpack(raw: unknown): Buffer {
	const bytes = Buffer.from(Packed.parse(raw).rows ?? '', 'base64');
	if (bytes.length % ROW_BYTES !== 0) throw new Error('omnitrack.live: rows of an unknown length');
	return bytes;
}

/** Live rows of some devices, as the feed packs them. */
export async function liveOf(db: Queryable, ids: readonly string[]): Promise<Buffer> {
	const found = await db.query<Record<string, unknown>>(
		`${PACKED} omnitrack.live l WHERE l.device_id = ANY ($1::bigint[])`,
		[ids],
	);
	return unpack(found.rows[0]);
}

/** Few enough that what they were is garbage soon: the memory of all at once would stay with the process. */
const LIVE_CHUNK = 2000;

/** All live rows, some thousand at a time, by device. */
export async function* wholeLive(db: Queryable): AsyncGenerator<Buffer> {
	for (let last = 0n; ; ) {
		const found = await db.query<Record<string, unknown>>(
			`${PACKED} (SELECT * FROM omnitrack.live WHERE device_id > $1::bigint ORDER BY device_id LIMIT ${LIVE_CHUNK}) AS l`,
			[last.toString()],
		);
		const bytes = unpack(found.rows[0]);
		if (bytes.length > 0) yield bytes;
		if (bytes.length < LIVE_CHUNK * ROW_BYTES) return;
		// string_agg keeps the order of the subquery.
		last = bytes.readBigInt64BE(bytes.length - ROW_BYTES);
	}
}

/** Live rows written since a time of the database, in milliseconds. */
export async function liveSince(db: Queryable, since: number): Promise<Buffer> {
	const found = await db.query<Record<string, unknown>>(
		`${PACKED} omnitrack.live l WHERE l.updated_at > to_timestamp($1::float8 / 1000)`,
		[since],
	);
	return unpack(found.rows[0]);
}

const Clock = z.object({ now: z.number(), silent: z.string().nullable() });

/**
 * The database's clock in milliseconds, and the gateways that have stopped saying that they live. With `beat`, the feed is
 * kept on (omnitrack.heartbeat).
 */
export async function askClock(db: Queryable, beat: boolean): Promise<z.infer<typeof Clock>> {
	if (beat) await db.query('UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp()');
	// One that is silent for longer than a day, while others live, was taken away.
	const found = await db.query<Record<string, unknown>>(`
		SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now,
			(SELECT string_agg(id, ', ' ORDER BY id) FROM gateways WHERE seen_at < now() - interval '60 s'
				AND (seen_at > now() - interval '1 day' OR NOT EXISTS (
					SELECT FROM gateways WHERE seen_at > now() - interval '60 s')))
			AS silent`);
	return Clock.parse(found.rows[0]);
}
