/**
 * devices/import: many devices from a CSV file: first what would be done with each line (dryRun), then all of it in one
 * transaction, of which one notification tells. Columns: imei and any of name, model, group, plate, phone, category, notes,
 * enabled. An IMEI that is registered is changed, and an empty cell leaves what is there.
 */
import { setImmediate } from 'node:timers/promises';
import { sql, type RawBuilder, type Transaction } from 'kysely';
import type { z } from 'zod';
import { ImportLine, ImportQuery, ImportResult } from '../../shared/operations.ts';
import { DevicePatch, Imei } from '../../shared/schemas.ts';
import { MOST_AUDITED } from '../audit.ts';
import { CsvError, CsvReader, type CsvRow } from '../csv.ts';
import { withUpload } from '../http/upload.ts';
import { route, type Context } from '../http/route.ts';
import { Turns } from '../history/turns.ts';
import { Problem, unfit } from '../problem.ts';
import type { Tables } from '../tables.ts';
import { unlessThere } from './devices.ts';
import { GroupNames } from './group_names.ts';

const MOST_BYTES = 20_000_000;
const MOST_LINES = 100_000;
const COLUMNS = ['imei', 'name', 'model', 'group', 'plate', 'phone', 'category', 'notes', 'enabled'] as const;
type Column = (typeof COLUMNS)[number];
const CHANGEABLE = COLUMNS.filter((c) => c !== 'imei');
type Line = z.input<typeof ImportLine>;
type Values = z.output<typeof DevicePatch>;
type Import = Context<undefined, z.output<typeof ImportQuery>>;

/** A line that is right; `id`: of the device, if it is registered. */
interface Staged {
	imei: string;
	id: string | null;
	values: Values;
}

const YES = new Set(['true', 'yes', '1', 'on']);
const NO = new Set(['false', 'no', '0', 'off']);

/** Which column each cell of a line belongs to. */
function headerOf(row: CsvRow): Column[] {
	const names = row.fields.map((f) => f.trim().toLowerCase());
	const found = names.map((n) => COLUMNS.find((c) => c === n));
	const wrong = names.find((n, i) => found[i] === undefined || names.indexOf(n) !== i);
	if (wrong !== undefined)
		throw unfit(
			'header',
			`"${wrong.slice(0, 40)}" is no column, or stands there twice; columns: ${COLUMNS.join(', ')}`,
		);
	if (!names.includes('imei')) throw unfit('header', 'a column imei is needed');
	return found as Column[];
}

class Reader {
	readonly #ctx: Import;
	readonly #groups: GroupNames;
	#header: Column[] | null = null;
	readonly #seen = new Set<string>();
	readonly lines: Line[] = [];
	readonly staged: Staged[] = [];

	constructor(ctx: Import) {
		this.#ctx = ctx;
		this.#groups = new GroupNames(ctx);
		if (ctx.query.group !== undefined && !this.#groups.mayPutInto(ctx.query.group))
			throw unfit('group', 'there is no such group, or you may not put devices into it');
	}

	take(row: CsvRow): void {
		if (this.#header === null) {
			this.#header = headerOf(row);
			return;
		}
		if (this.lines.length >= MOST_LINES) throw unfit('file', `at most ${MOST_LINES} lines at once`);
		this.lines.push(this.#line(row, this.#header));
	}

	#line(row: CsvRow, header: Column[]): Line {
		const cells = new Map(header.map((name, i) => [name, (row.fields[i] ?? '').trim()]));
		const imei = cells.get('imei') ?? '';
		const wrong = (message: string): Line => ({
			line: row.line,
			imei: Imei.safeParse(imei).success ? imei : null,
			name: cells.get('name') || null,
			outcome: 'wrong',
			changes: [],
			message,
		});
		if (row.fields.length > header.length) return wrong('more cells than the first line has columns');
		if (!Imei.safeParse(imei).success) return wrong('an IMEI has 15 digits');
		if (this.#seen.has(imei)) return wrong('this IMEI stands in a line above');
		this.#seen.add(imei);
		const { values, message } = this.#values(cells);
		return values === null ? wrong(message) : this.#decide(row.line, imei, values, wrong);
	}

	/** What the cells say; empty ones say nothing. */
	#values(cells: ReadonlyMap<Column, string>): { values: Values | null; message: string } {
		const raw: Record<string, unknown> = {};
		for (const [name, text] of cells) {
			if (text === '' || name === 'imei') continue;
			if (name === 'group') {
				const group = this.#groups.find(text);
				if (group === null) return { values: null, message: `group: there is no group "${text}", or more than one` };
				raw.group = group;
			} else if (name === 'enabled') {
				const word = text.toLowerCase();
				if (!YES.has(word) && !NO.has(word)) return { values: null, message: 'enabled: true or false' };
				raw.enabled = YES.has(word);
			} else raw[name] = text;
		}
		const parsed = DevicePatch.safeParse(raw);
		if (parsed.success) return { values: parsed.data, message: '' };
		const [issue] = parsed.error.issues;
		return { values: null, message: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong'}` };
	}

	#decide(line: number, imei: string, values: Values, wrong: (message: string) => Line): Line {
		const ctx = this.#ctx;
		const { columns } = ctx.app.fleet;
		const at = columns.byImei.get(imei);
		const there = at === undefined ? null : (columns.inventory[at] ?? null);
		if (there === null) {
			const group = values.group ?? ctx.query.group ?? null;
			if (group === null ? !ctx.may('devices.ungrouped') : !this.#groups.mayPutInto(group))
				return wrong(group === null ? 'group: needed' : 'group: you may not put devices into it');
			this.staged.push({ imei, id: null, values: { ...values, group } });
			return {
				line,
				imei,
				name: values.name ?? null,
				outcome: 'create',
				changes: Object.keys(values),
				message: null,
			};
		}
		if (!ctx.may('device.update', { group: there.group })) return wrong('registered already, and not yours to change');
		if (values.group != null && values.group !== there.group && !this.#groups.mayPutInto(values.group))
			return wrong('group: you may not put devices into it');
		// What the notes are now is only in the database.
		const changes = CHANGEABLE.filter(
			(name) => values[name] !== undefined && (name === 'notes' || values[name] !== there[name]),
		);
		const said = { line, imei, name: values.name ?? there.name, changes, message: null };
		if (changes.length === 0) return { ...said, outcome: 'same' };
		this.staged.push({ imei, id: there.id.toString(), values });
		return { ...said, outcome: 'update' };
	}

	end(): void {
		if (this.#header === null) throw unfit('file', 'it is empty: a first line with the names of columns is needed');
	}
}

/** Lets others have their turn between the pieces. */
async function read(ctx: Import, pieces: readonly Buffer[]): Promise<Reader> {
	const reader = new Reader(ctx);
	const csv = new CsvReader();
	const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
	try {
		for (const piece of pieces) {
			for (const row of csv.push(decoder.decode(piece, { stream: true }))) reader.take(row);
			await setImmediate();
		}
		for (const row of [...csv.push(decoder.decode()), ...csv.end()]) reader.take(row);
	} catch (error) {
		if (error instanceof CsvError) throw unfit(`line ${error.line}`, error.message);
		if (error instanceof TypeError) throw unfit('file', 'it is not UTF-8: save it as "CSV UTF-8"');
		throw error;
	}
	reader.end();
	return reader;
}

/** The lines as rows; each statement gets them all, so that devices are told of once. */
function rowsOf(staged: readonly Staged[]): RawBuilder<unknown> {
	const rows = staged.map(({ imei, id, values: { group, ...rest } }) => ({ imei, id, group_id: group, ...rest }));
	return sql`json_to_recordset(${JSON.stringify(rows)}::json) AS s (imei text, id bigint, name text, model text,
		enabled boolean, group_id bigint, plate text, phone text, category text, notes text)`;
}

/** Returns the ids of the devices. */
async function write(trx: Transaction<Tables>, staged: readonly Staged[]): Promise<string[]> {
	const rows = rowsOf(staged);
	const creates = staged.filter((s) => s.id === null).length;
	const made = await sql<{ id: string }>`
		INSERT INTO devices (imei, name, device_model, enabled)
		SELECT imei, name, model, coalesce(enabled, true) FROM ${rows} WHERE id IS NULL
		ON CONFLICT DO NOTHING RETURNING id`.execute(trx);
	const changed = await sql<{ id: string }>`
		UPDATE devices d SET name = coalesce(s.name, d.name), device_model = coalesce(s.model, d.device_model),
			enabled = coalesce(s.enabled, d.enabled)
		FROM ${rows} WHERE d.id = s.id AND d.imei = s.imei RETURNING d.id`.execute(trx);
	if (made.rows.length !== creates || changed.rows.length !== staged.length - creates)
		throw new Problem(409, 'Devices of the file were changed by somebody else meanwhile', { detail: 'Send it again.' });
	await sql`
		INSERT INTO omnitrack.device_details AS x (device_id, plate, phone, category, notes)
		SELECT d.id, s.plate, s.phone, s.category, s.notes FROM ${rows} JOIN devices d ON d.imei = s.imei
		WHERE coalesce(s.plate, s.phone, s.category, s.notes) IS NOT NULL
		ON CONFLICT (device_id) DO UPDATE SET plate = coalesce(excluded.plate, x.plate),
			phone = coalesce(excluded.phone, x.phone), category = coalesce(excluded.category, x.category),
			notes = coalesce(excluded.notes, x.notes)`.execute(trx);
	await sql`
		INSERT INTO omnitrack.device_groups (device_id, group_id)
		SELECT d.id, s.group_id FROM ${rows} JOIN devices d ON d.imei = s.imei WHERE s.group_id IS NOT NULL
		ON CONFLICT (device_id) DO UPDATE SET group_id = excluded.group_id`.execute(trx);
	return [...made.rows, ...changed.rows].map((r) => r.id);
}

/** All or nothing. */
async function apply(ctx: Import, staged: readonly Staged[]): Promise<void> {
	const { app } = ctx;
	await app.db.transaction().execute(async (trx) => {
		const devices = await write(trx, staged);
		const created = staged.filter((s) => s.id === null).length;
		const about = { created, updated: staged.length - created, ...(devices.length > MOST_AUDITED ? {} : { devices }) };
		await ctx.audit(trx, 'device.import', { kind: 'devices', id: null }, about);
	});
	await app.fleet.refreshImeis(staged.map((s) => s.imei));
}

/** One at a time, once its file is here: each holds its lines in memory. */
const turns = new Turns(1, 8);

async function planAndDo(ctx: Import, pieces: readonly Buffer[]): Promise<z.input<typeof ImportResult>> {
	const { lines, staged } = await read(ctx, pieces);
	const count = (outcome: Line['outcome']) => lines.filter((l) => l.outcome === outcome).length;
	const wrong = count('wrong');
	const dryRun = ctx.query.dryRun === 'true';
	const applied = !dryRun && (wrong === 0 || ctx.query.skipWrong === 'true');
	if (applied && staged.length > 0) await unlessThere(() => apply(ctx, staged));
	return { dryRun, applied, create: count('create'), update: count('update'), same: count('same'), wrong, lines };
}

async function importDevices(ctx: Import): Promise<z.input<typeof ImportResult>> {
	const { app, req } = ctx;
	if (!app.fleet.loaded) throw new Problem(503, 'The fleet is being loaded', { detail: 'Try again in a few seconds.' });
	if (req.is('text/csv') === false || req.is('text/csv') === null)
		throw new Problem(415, 'A file of CSV is needed', { detail: 'Send it with Content-Type: text/csv, in UTF-8.' });
	return withUpload(req, ctx.who().id, MOST_BYTES, (pieces) => turns.take(() => planAndDo(ctx, pieces)));
}

export const importRoutes = [
	route({
		method: 'post',
		path: '/devices/import',
		action: 'devices.create',
		tag: 'devices',
		summary: 'Register and change many devices from a CSV file; without dryRun=false it only says what would be done',
		query: ImportQuery,
		accepts: 'text/csv',
		answer: ImportResult,
		handler: importDevices,
	}),
];
