/** What the preview of a change to many devices says. */
import type { z } from 'zod';
import type { BulkEditResult } from '../../../shared/operations.ts';

type Result = z.infer<typeof BulkEditResult>;

/** How many had a value that is not among the most frequent, which alone are named. */
export function othersOf(
	{ before, toChange }: Pick<Result, 'before' | 'toChange'>,
	field: Result['before'][number]['field'],
): number {
	return before.reduce((rest, b) => (b.field === field ? rest - b.devices : rest), toChange);
}
