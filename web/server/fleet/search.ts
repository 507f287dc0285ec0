/**
 * Finds devices: words, filters, order and pages over the columns, within the groups that the asking user may see. Pure.
 */
import { states, type State } from '../../shared/state.ts';
import type { Columns } from './columns.ts';

export type Sort = 'name' | 'lastSeen' | 'state' | 'imei';

export interface Filter {
	/** Groups whose devices may be seen; null: all, also those in no group. */
	visible: ReadonlySet<string> | null;
	words?: string | undefined;
	states?: readonly State[] | undefined;
	groups?: ReadonlySet<string> | undefined;
	models?: readonly string[] | undefined;
	/** Milliseconds. */
	silentFor?: number | undefined;
	ids?: readonly bigint[] | undefined;
}

export interface Page {
	places: number[];
	next: string | null;
}

export function matches(fleet: Columns, f: Filter, now: number): number[] {
	const words = (f.words ?? '')
		.toLowerCase()
		.split(/\s+/)
		.filter((w) => w !== '');
	const wanted = f.states === undefined ? null : new Set(f.states.map((s) => states.indexOf(s)));
	const models = f.models === undefined ? null : new Set(f.models);
	const found: number[] = [];
	const look = (at: number) => {
		const device = fleet.inventory[at];
		if (!device) return;
		if (f.visible !== null && (device.group === null || !f.visible.has(device.group))) return;
		if (wanted !== null && !wanted.has(fleet.state[at] ?? 0)) return;
		if (f.groups !== undefined && (device.group === null || !f.groups.has(device.group))) return;
		if (models !== null && !models.has(device.model ?? '')) return;
		if (f.silentFor !== undefined && !(now - fleet.since(at) >= f.silentFor)) return;
		const text = fleet.haystack[at] ?? '';
		if (words.every((w) => text.includes(w))) found.push(at);
	};
	if (f.ids === undefined) for (let at = 0; at < fleet.size; at++) look(at);
	else
		for (const id of new Set(f.ids)) {
			const at = fleet.places.get(id);
			if (at !== undefined) look(at);
		}
	return found;
}

type Key = string | number;

function keyOf(fleet: Columns, at: number, sort: Sort): Key {
	const device = fleet.inventory[at];
	switch (sort) {
		case 'name':
			// Those without a name go by their IMEI, behind the others.
			return device?.name ? device.name.toLowerCase() : `\u{10ffff}${device?.imei ?? ''}`;
		case 'imei':
			return device?.imei ?? '';
		case 'state':
			return fleet.state[at] ?? 0;
		case 'lastSeen':
			return Math.trunc(fleet.lastSeen[at] ?? 0) || 0;
	}
}

interface Position {
	key: Key;
	id: bigint;
}

export function encodeCursor(p: Position): string {
	return Buffer.from(JSON.stringify([p.key, p.id.toString()])).toString('base64url');
}

/** Null: not a cursor of ours. */
export function decodeCursor(cursor: string): Position | null {
	try {
		const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
		if (!Array.isArray(parsed) || parsed.length !== 2) return null;
		const [key, id] = parsed as unknown[];
		if ((typeof key !== 'string' && typeof key !== 'number') || typeof id !== 'string' || !/^\d{1,19}$/.test(id))
			return null;
		return { key, id: BigInt(id) };
	} catch {
		return null;
	}
}

function order(a: Position, b: Position): number {
	if (a.key !== b.key) return a.key < b.key ? -1 : 1;
	return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** One page of what was found, behind the cursor. The order is of the moment: what moves meanwhile may be missed. */
export function pageOf(
	fleet: Columns,
	found: number[],
	sort: Sort,
	descending: boolean,
	limit: number,
	after: Position | null,
): Page {
	const sign = descending ? -1 : 1;
	let rows = found.map((at) => ({ at, key: keyOf(fleet, at, sort), id: fleet.inventory[at]?.id ?? 0n }));
	if (after !== null) rows = rows.filter((r) => sign * order(r, after) > 0);
	rows.sort((a, b) => sign * order(a, b));
	const page = rows.slice(0, limit);
	const last = page.at(-1);
	return { places: page.map((r) => r.at), next: rows.length > limit && last ? encodeCursor(last) : null };
}
