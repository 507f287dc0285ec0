/**
 * exports: all records of devices in a time as CSV, GPX or GeoJSON. PostgreSQL writes the lines (COPY), one device and one
 * day at a time, so that no snapshot is held for long; they are passed on as fast as the client takes them.
 */
import { to as copyTo } from 'pg-copy-streams';
import * as H from '../../shared/history.ts';
import { authorize } from '../../shared/permissions.ts';
import type { App } from '../context.ts';
import type { Range } from '../history/describe.ts';
import { frames, statement, type Exported } from '../history/export_text.ts';
import { literalMs } from '../history/read.ts';
import { Turns } from '../history/turns.ts';
import { sendFile } from '../http/file.ts';
import { findDevice } from '../http/mount.ts';
import { route, type Context } from '../http/route.ts';
import { rangeOf } from './history_range.ts';

/** One day of one device, to a slow client. */
const STATEMENT = '15min';
const turns = new Turns(2, 8);

async function* linesOfDay(app: App, text: string): AsyncGenerator<Buffer> {
	const client = await app.database.read.connect();
	let whole = false;
	try {
		// For this transaction alone: behind a pooler the connection is not ours.
		await client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = '${STATEMENT}'`);
		for await (const chunk of client.query(copyTo(text))) yield chunk as Buffer;
		await client.query('COMMIT');
		whole = true;
	} finally {
		// Closed in the middle of a COPY, the server ends it.
		client.release(!whole);
	}
}

/** Days begin at midnight UTC, as the partitions do. */
function* daysOf(range: Range): Generator<Range> {
	for (let from = range.from; from < range.to; ) {
		const to = Math.min(range.to, (Math.floor(from / H.DAY_MS) + 1) * H.DAY_MS);
		yield { from, to };
		from = to;
	}
}

async function* fileOf(ctx: Context, places: readonly number[], range: Range, format: H.ExportFormat) {
	const frame = frames[format];
	yield Buffer.from(frame.head);
	let first = true;
	for (const place of places) {
		for (const [at, day] of [...daysOf(range)].entries()) {
			// Rights may be taken away while it runs.
			const device = await stillMay(ctx, place);
			const [head, foot] = frame.device(device);
			if (at === 0) yield Buffer.from(head);
			yield Buffer.from(frame.day[0]);
			for await (const chunk of linesOfDay(
				ctx.app,
				statement(device, format, literalMs(day.from), literalMs(day.to)),
			)) {
				// Features are parted by commas, which stand before each: not before the first.
				yield first && format === 'geojson' ? chunk.subarray(1) : chunk;
				first = false;
			}
			yield Buffer.from(frame.day[1]);
			if (day.to === range.to) yield Buffer.from(foot);
		}
	}
	yield Buffer.from(frame.foot);
}

async function stillMay({ app, who }: Context, place: number): Promise<Exported> {
	const person = await app.directory.person(who().id);
	const device = app.fleet.columns.inventory[place];
	if (!device || !authorize(person, 'device.history', app.directory.parents, { group: device.group }))
		throw new Error('the right to export was taken away');
	return { id: device.id, imei: device.imei, name: device.name };
}

function fileName(ctx: Context, places: readonly number[], range: Range, format: string): string {
	const imei = places.length === 1 ? `-${ctx.app.fleet.columns.inventory[places[0] ?? -1]?.imei ?? ''}` : '';
	const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
	return `omnitrack${imei}-${day(range.from)}-${day(range.to - 1)}.${format}`;
}

/** The rights to the devices have been looked at. A failure after the first bytes breaks the transfer off. */
export async function sendExport(ctx: Context, places: number[], range: Range, format: H.ExportFormat): Promise<void> {
	const { app } = ctx;
	await sendFile(ctx, {
		name: fileName(ctx, places, range, format),
		type: H.EXPORT_TYPES[format],
		turns,
		object: places.length === 1 ? objectOf(app, places[0]) : undefined,
		details: {
			format,
			from: new Date(range.from).toISOString(),
			to: new Date(range.to).toISOString(),
			devices: places.map((place) => app.fleet.columns.inventory[place]?.imei),
		},
		chunks: fileOf(ctx, places, range, format),
	});
}

function objectOf(app: App, place: number | undefined): { kind: string; id: string } {
	return { kind: 'device', id: app.fleet.columns.inventory[place ?? -1]?.id.toString() ?? '' };
}

export const exportRoutes = [
	route({
		method: 'get',
		path: '/exports',
		action: 'exports.make',
		tag: 'history',
		summary: 'All records of devices in a time as a file: CSV, GPX or GeoJSON',
		query: H.ExportQuery,
		produces: Object.values(H.EXPORT_TYPES),
		async handler(ctx) {
			const { app, query } = ctx;
			const range = rangeOf(app, query, H.EXPORT_DAYS);
			const places = query.devices.map((ref) => findDevice(app, ctx.person, ref));
			for (const place of places)
				ctx.must('device.history', { group: app.fleet.columns.inventory[place]?.group ?? null });
			await sendExport(ctx, [...new Set(places)], range, query.format);
		},
	}),
];
