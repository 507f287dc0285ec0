/** Pages of lists that are read from tables, by keyset cursors; and times as the API writes them. */
import type { Directory } from '../directory.ts';
import { unfit } from '../problem.ts';

/** Of limit + 1 rows that were asked for: the page, and the cursor of the next one. */
export function pageById<T extends { id: string }>(rows: T[], limit: number): { items: T[]; next: string | null } {
	const items = rows.slice(0, limit);
	return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** Of a list that is all here, in its order: the page, and the cursor of the next one, the id of its last. */
export function pageOfAll<T extends { id: string }>(
	all: readonly T[],
	query: { limit: number; cursor?: string | undefined },
): { items: T[]; next: string | null } {
	const last = query.cursor === undefined ? -1 : all.findIndex((item) => item.id === query.cursor);
	if (last < 0 && query.cursor !== undefined)
		throw unfit('cursor', 'what it stood for is gone: begin again without one');
	return pageById(all.slice(last + 1), query.limit);
}

export const iso = (d: Date): string => d.toISOString();
export const isoOrNull = (d: Date | null | undefined): string | null => (d ? d.toISOString() : null);
/** Milliseconds of the columns; NaN: not known. */
export const isoOfMs = (ms: number | undefined): string | null =>
	ms === undefined || Number.isNaN(ms) ? null : new Date(ms).toISOString();

/** A constraint of the database that was violated, by name. */
export function violated(error: unknown): string | null {
	if (!(error instanceof Error) || !('code' in error) || !/^23/.test(String(error.code))) return null;
	return 'constraint' in error ? String(error.constraint) : '';
}

/** Groups that were asked for, with all below them; null: none was. */
export function groupsWithin(directory: Directory, asked: readonly string[] | undefined): Set<string> | null {
	return asked === undefined ? null : new Set(asked.flatMap((g) => [...directory.within(g)]));
}
