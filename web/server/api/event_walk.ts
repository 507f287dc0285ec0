/**
 * Looks back through time in windows, the newest first, until a page is full or so much time has gone that the asker should
 * hear what was found. A window grows by how fast the last one was: of a quiet fleet few questions go a month back, of a
 * large one none asks for more than it can answer. Pure but for the clock.
 */

/** So long it looks; milliseconds. */
const BUDGET_MS = 800;
const FIRST_MS = 3_600_000;
/** A window is so many times the last one, at most; a first fast one says little. */
const GROWTH = 100;

export interface Walked<Row> {
	/** The newest first, no more than were asked for. */
	rows: Row[];
	/** There are more where the last row came from. */
	full: boolean;
	/** What has arrived since is in `rows`, if it isn't full; milliseconds. */
	lookedBackTo: number;
}

/** `ask` is for rows of from ≤ arrival < to (null: no end), the newest first. */
export async function walkBack<Row>(
	ask: (from: number, to: number | null, limit: number) => Promise<Row[]>,
	range: { from: number; to: number | null; now: number },
	limit: number,
	clock: () => number = () => performance.now(),
): Promise<Walked<Row>> {
	const began = clock();
	const rows: Row[] = [];
	let { to } = range;
	let length = FIRST_MS;
	for (;;) {
		// Nothing has arrived from now on, whatever end was asked for.
		const from = Math.max(range.from, Math.min(to ?? range.now, range.now) - length);
		const before = clock();
		rows.push(...(await ask(from, to, limit + 1 - rows.length)));
		if (rows.length > limit) return { rows: rows.slice(0, limit), full: true, lookedBackTo: from };
		const left = BUDGET_MS - (clock() - began);
		if (from <= range.from || left <= 0) return { rows, full: false, lookedBackTo: from };
		length *= Math.min(GROWTH, Math.max(1, left / Math.max(1, clock() - before)));
		to = from;
	}
}
