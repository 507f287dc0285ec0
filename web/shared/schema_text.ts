/** What may stand in a line of text that comes in: names, labels. */
import { z } from 'zod';

/**
 * What shows nothing, or turns the direction of what follows: with it two names look alike. Half a character (a surrogate
 * alone) is here too, which the database does not store.
 */
const UNSEEN =
	// eslint-disable-next-line no-misleading-character-class -- each by itself
	/[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}\p{Cs}]/u;

/** Printable, no control characters, no blanks at the ends. */
export const Line = (max: number) =>
	z
		.string()
		.trim()
		.max(max)
		// eslint-disable-next-line no-control-regex -- these are what is refused
		.regex(/^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/, 'no control characters')
		.refine((s) => !UNSEEN.test(s), 'no characters that do not show');
