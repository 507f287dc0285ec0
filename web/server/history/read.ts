/**
 * Reads a device's records for tracks, trips and stops: by binary COPY, on the connections for heavy reads, a few at a
 * time. What was read is kept for a few seconds, as a screen asks for the track, the trips and the stops of one day.
 */
import type { PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { Problem } from '../problem.ts';
import type { App } from '../context.ts';
import { CopyRows } from './copy_rows.ts';
import type { Range } from './describe.ts';
import { piecesOf, type Piece } from './pieces.ts';
import { emptyRecords, type Records } from './records.ts';
import { Turns } from './turns.ts';

/** Half a year of a record each half minute; more is refused. */
const MOST_RECORDS = 500_000;
const KEPT_MS = 5000;
const MOST_KEPT = 8;
/** Exports take as many of the connections for heavy reads: none waits for the other. */
const turns = new Turns(2, 20);

export interface Read {
	/** Those of the range, and one on each side, if there is one. */
	records: Records;
	pieces: Piece[];
}

interface Kept {
	at: number;
	read: Promise<Read>;
}
const kept = new WeakMap<App, Map<string, Kept>>();

/** A connection for what takes long; it comes back, or is closed if the work failed. */
export async function withReader<T>(app: App, work: (client: PoolClient) => Promise<T>): Promise<T> {
	return turns.take(async () => {
		const client = await app.database.read.connect();
		let failed: unknown = true;
		try {
			const done = await work(client);
			failed = undefined;
			return done;
		} finally {
			client.release(failed !== undefined);
		}
	});
}

/** A number for a statement that takes no parameters. */
export function literalMs(ms: number): string {
	return `timestamptz 'epoch' + ${Math.round(ms)} * interval '1 millisecond'`;
}

const COLUMNS = `recorded_at, latitude, longitude, speed, valid::int
	+ CASE io ->> '239' WHEN '0' THEN 2 WHEN '1' THEN 6 ELSE 0 END
	+ CASE io ->> '240' WHEN '0' THEN 8 WHEN '1' THEN 24 ELSE 0 END AS flags`;

/** The record before the range, those of it, the one after it: a stop that goes on is no new one. */
function statements(device: bigint, range: Range): string[] {
	const from = literalMs(range.from);
	const to = literalMs(range.to);
	const month = "interval '31 days'";
	const copy = (where: string, order: string, most: number) =>
		`COPY (SELECT ${COLUMNS} FROM device_positions WHERE device_id = ${device} AND ${where}
			ORDER BY recorded_at ${order}, record_hash ${order} LIMIT ${most}) TO STDOUT (FORMAT binary)`;
	return [
		copy(`recorded_at < ${from} AND recorded_at >= ${from} - ${month}`, 'DESC', 1),
		copy(`recorded_at >= ${from} AND recorded_at < ${to}`, 'ASC', MOST_RECORDS + 1),
		copy(`recorded_at >= ${to} AND recorded_at < ${to} + ${month}`, 'ASC', 1),
	];
}

async function readNow(app: App, device: bigint, range: Range): Promise<Read> {
	const records = emptyRecords(1024);
	await withReader(app, async (client) => {
		for (const text of statements(device, range)) {
			const rows = new CopyRows(records);
			for await (const chunk of client.query(copyTo(text))) rows.write(chunk as Buffer);
			if (!rows.ended) throw new Error('the rows of a COPY have no end');
		}
	});
	if (records.count > MOST_RECORDS)
		throw new Problem(422, 'There are too many records in this time', {
			detail: `More than ${MOST_RECORDS}: ask for a shorter time, or take an export.`,
		});
	return { records, pieces: piecesOf(records) };
}

export function readRecords(app: App, device: bigint, range: Range): Promise<Read> {
	const mine = kept.get(app) ?? new Map<string, Kept>();
	kept.set(app, mine);
	const now = performance.now();
	for (const [key, entry] of mine) if (now - entry.at > KEPT_MS || mine.size > MOST_KEPT) mine.delete(key);
	const key = `${device} ${range.from} ${range.to}`;
	const known = mine.get(key);
	if (known !== undefined) return known.read;
	const read = readNow(app, device, range);
	mine.set(key, { at: now, read });
	// What failed is asked for again; whoever waits for it sees the error.
	read.catch(() => mine.delete(key));
	return read;
}
