/** Sessions in time as bars: where each begins and how wide it is, in units of the drawing. Pure. */

/** Narrower ones can't be seen; one that is open now is where the eye goes. */
const LEAST = 1.5;
const LEAST_OPEN = 4;
/** Between two that follow each other at once. */
const BETWEEN = 0.6;

export interface Span {
	from: string;
	/** Null: still open. */
	to: string | null;
}

/** `from` to `now`, in milliseconds, take the whole `width`. A bar never leaves it. */
export function barOf(span: Span, from: number, now: number, width: number): { x: number; width: number } {
	const place = (at: number) => Math.min(width, Math.max(0, ((at - from) / (now - from)) * width));
	const begin = place(Date.parse(span.from));
	const end = span.to === null ? width : place(Date.parse(span.to));
	const wide = Math.max(span.to === null ? LEAST_OPEN : LEAST, end - begin - BETWEEN);
	return { x: Math.min(begin, width - wide), width: wide };
}
