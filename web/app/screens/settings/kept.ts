/** How long things are kept, of what the gateways say. Pure. */
import type { Gateway } from '../../api/health.ts';
import { retentions } from '../../../shared/operations.ts';

export interface Kept {
	what: (typeof retentions)[number];
	/** 0: for ever. */
	days: number;
	/** Gateways have other values; each deletes by its own, so the shortest time holds. */
	differ: boolean;
}

/** Null: no gateway says it. */
export function keptOf(gateways: readonly Gateway[]): Kept[] | null {
	const said = gateways.flatMap((g) => g.report?.retentionDays ?? []);
	if (said.length === 0) return null;
	return retentions.map((what) => {
		const days = said.map((r) => r[what]);
		const deleted = days.filter((n) => n > 0);
		return {
			what,
			days: deleted.length === 0 ? 0 : Math.min(...deleted),
			differ: days.some((n) => n !== days[0]),
		};
	});
}
