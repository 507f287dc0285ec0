/** Pages of lists that are read from tables, by keyset cursors; and times as the API writes them. */

/** Of limit + 1 rows that were asked for: the page, and the cursor of the next one. */
export function pageById<T extends { id: string }>(rows: T[], limit: number): { items: T[]; next: string | null } {
	const items = rows.slice(0, limit);
	return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
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
