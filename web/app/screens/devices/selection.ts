/** Which devices are chosen: some, one by one, or all that match the filter. */
import { useState } from 'react';

export interface Selection {
	/** All that match, also those that are not in the page. */
	all: boolean;
	ids: ReadonlySet<string>;
	has: (id: string) => boolean;
	/** `range`: all from the one that was toggled before, too. */
	toggle: (id: string, range: boolean) => void;
	setAll: (on: boolean) => void;
	clear: () => void;
}

interface Chosen {
	ids: ReadonlySet<string>;
	/** The one that was toggled last. */
	last: string | null;
}

const nothing: Chosen = { ids: new Set(), last: null };

/** `rows`: those that may be chosen, as they stand in the list, which may be another than when the last one was toggled. */
export function toggled({ ids, last }: Chosen, rows: readonly string[], id: string, range: boolean): Chosen {
	const to = rows.indexOf(id);
	if (to === -1) return { ids, last };
	const start = range && last !== null ? rows.indexOf(last) : -1;
	const from = start === -1 ? to : start;
	const next = new Set(ids);
	for (const one of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) {
		if (ids.has(id)) next.delete(one);
		else next.add(one);
	}
	return { ids: next, last: id };
}

/** `key`: of another filter, all that match are others, and none that was chosen stays so unseen. */
export function useSelection(key: string, rows: readonly string[]): Selection {
	const [chosen, setChosen] = useState<Chosen>(nothing);
	const [all, setAll] = useState(false);
	const [of, setOf] = useState(key);
	const start = (on: boolean) => {
		setAll(on);
		setChosen(nothing);
	};
	if (of !== key) {
		setOf(key);
		start(false);
	}
	return {
		all,
		ids: chosen.ids,
		has: (id) => all || chosen.ids.has(id),
		toggle: (id, range) => setChosen(toggled(chosen, rows, id, range)),
		setAll: start,
		clear: () => start(false),
	};
}
