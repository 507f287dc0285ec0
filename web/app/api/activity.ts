/** Does somebody use the page? What it asks for by itself doesn't keep a session alive. */

/** So long after the last key or touch, whatever is asked is the page's own doing. */
export const IDLE_MS = 60_000;

const SIGNS = ['pointerdown', 'keydown', 'wheel'] as const;

export class Activity {
	readonly #now: () => number;
	#last: number;

	/** `target`: the window. `now` in milliseconds. Opening the page counts. */
	constructor(target: EventTarget, now: () => number) {
		this.#now = now;
		this.#last = now();
		const seen = () => (this.#last = now());
		for (const sign of SIGNS) target.addEventListener(sign, seen, { capture: true, passive: true });
	}

	get isIdle(): boolean {
		return this.#now() - this.#last >= IDLE_MS;
	}
}
