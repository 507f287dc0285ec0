/**
 * Finds devices: words, filters, order and pages over the columns, within the groups that the asking user may see. Pure.
 */
import { states, type State } from '../../shared/state.ts';
import { wordsOf } from '../../shared/text.ts';
import type { Columns, Inventory } from './columns.ts';

export type Sort = 'name' | 'lastSeen' | 'silentSince' | 'state' | 'urgency' | 'speed' | 'imei';

export interface Filter {
	/** Groups whose devices may be seen; null: all, also those in no group. */
	visible: ReadonlySet<string> | null;
	words?: string | undefined;
	states?: readonly State[] | undefined;
	groups?: ReadonlySet<string> | undefined;
	/** Those in no group, too, where `groups` says which. */
	ungrouped?: boolean | undefined;
	models?: readonly string[] | undefined;
	/** Milliseconds. */
	silentFor?: number | undefined;
	ids?: readonly bigint[] | undefined;
}

export interface Page {
	places: number[];
	next: string | null;
}

/** Does a device pass the filter, its rights and states left aside? */
export function passes(fleet: Columns, f: Filter, now: number): (at: number, device: Inventory) => boolean {
	const words = wordsOf(f.words ?? '');
	const models = f.models === undefined ? null : new Set(f.models);
	return (at, device) => {
		if (f.groups !== undefined && !(device.group === null ? f.ungrouped === true : f.groups.has(device.group)))
			return false;
		if (models !== null && !models.has(device.model ?? '')) return false;
		if (f.silentFor !== undefined && !(now - fleet.since(at) >= f.silentFor)) return false;
		const text = fleet.haystack[at] ?? '';
		return words.every((w) => text.includes(w));
	};
}

export function matches(fleet: Columns, f: Filter, now: number): number[] {
	const wanted = f.states === undefined ? null : new Set(f.states.map((s) => states.indexOf(s)));
	const pass = passes(fleet, f, now);
	const found: number[] = [];
	const look = (at: number) => {
		const device = fleet.inventory[at];
		if (!device) return;
		if (f.visible !== null && (device.group === null || !f.visible.has(device.group))) return;
		if (wanted !== null && !wanted.has(fleet.state[at] ?? 0)) return;
		if (pass(at, device)) found.push(at);
	};
	if (f.ids === undefined) for (let at = 0; at < fleet.size; at++) look(at);
	else
		for (const id of new Set(f.ids)) {
			const at = fleet.places.get(id);
			if (at !== undefined) look(at);
		}
	return found;
}

/** Where a device stands in an order: by a number, among equals by a text, then by its id. */
interface Position {
	number: number;
	text: string;
	id: bigint;
}

/** What wants attention first. */
const urgency: readonly number[] = states.map((s) => ['silent', 'nofix', 'moving', 'standing', 'out'].indexOf(s));
/** Above every time in milliseconds. */
const EVER = 2 ** 43;

const numbers: Record<Sort, (fleet: Columns, at: number) => number> = {
	name: () => 0,
	imei: () => 0,
	state: (fleet, at) => fleet.state[at] ?? 0,
	lastSeen: (fleet, at) => Math.trunc(fleet.lastSeen[at] ?? 0) || 0,
	silentSince: (fleet, at) => Math.trunc(fleet.since(at)) || 0,
	// Of the silent ones, those that have just fallen silent come first.
	urgency: (fleet, at) => {
		const state = fleet.stateOf(at);
		const ago = state === 'silent' ? EVER - 1 - Math.trunc(fleet.since(at)) : 0;
		return (urgency[states.indexOf(state)] ?? 9) * EVER + ago;
	},
	// What doesn't move has no speed.
	speed: (fleet, at) => (fleet.stateOf(at) === 'moving' ? (fleet.speedOf(at) ?? 0) : -1),
};

const byName: ReadonlySet<Sort> = new Set(['name', 'urgency', 'speed', 'silentSince']);

function positionOf(fleet: Columns, at: number, sort: Sort): Position {
	const device = fleet.inventory[at];
	const text = sort === 'imei' ? (device?.imei ?? '') : byName.has(sort) ? (fleet.nameOrder[at] ?? '') : '';
	return { number: numbers[sort](fleet, at), text, id: device?.id ?? 0n };
}

export function encodeCursor(p: Position): string {
	return Buffer.from(JSON.stringify([p.number, p.text, p.id.toString()])).toString('base64url');
}

/** Null: not a cursor of ours. */
export function decodeCursor(cursor: string): Position | null {
	try {
		const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
		if (!Array.isArray(parsed) || parsed.length !== 3) return null;
		const [number, text, id] = parsed as unknown[];
		if (typeof number !== 'number' || typeof text !== 'string' || typeof id !== 'string' || !/^\d{1,19}$/.test(id))
			return null;
		return { number, text, id: BigInt(id) };
	} catch {
		return null;
	}
}

function compare(a: Position, b: Position): number {
	if (a.number !== b.number) return a.number - b.number;
	if (a.text !== b.text) return a.text < b.text ? -1 : 1;
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
	const byOrder = (a: Row, b: Row) => sign * compare(a.position, b.position);
	// The first ones are kept, some more than are asked for, and sorted when there are twice as many: few are looked at
	// twice, and a fleet of a hundred thousand is never sorted.
	let kept: Row[] = [];
	let last = null as Position | null;
	const cut = () => {
		kept.sort(byOrder);
		kept = kept.slice(0, limit + 1);
		last = kept.length > limit ? (kept.at(-1)?.position ?? null) : null;
	};
	for (const at of found) {
		const position = positionOf(fleet, at, sort);
		if (after !== null && sign * compare(position, after) <= 0) continue;
		if (last !== null && sign * compare(position, last) >= 0) continue;
		kept.push({ at, position });
		if (kept.length > 2 * limit + 100) cut();
	}
	cut();
	const page = kept.slice(0, limit);
	const end = page.at(-1);
	return { places: page.map((r) => r.at), next: kept.length > limit && end ? encodeCursor(end.position) : null };
}

interface Row {
	at: number;
	position: Position;
}
