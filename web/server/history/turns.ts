/** Lets a few do something at a time; the others wait, and from a number of them on are told to come again. Pure. */
import { Problem } from '../problem.ts';

export class Turns {
	readonly #most: number;
	readonly #waiting: (() => void)[] = [];
	readonly #mostWaiting: number;
	#busy = 0;

	constructor(most: number, mostWaiting: number) {
		this.#most = most;
		this.#mostWaiting = mostWaiting;
	}

	async take<T>(work: () => Promise<T>): Promise<T> {
		if (this.#busy >= this.#most) {
			if (this.#waiting.length >= this.#mostWaiting)
				throw new Problem(503, 'Too many ask for this at once', {
					detail: 'Try again in a few seconds.',
					headers: { 'retry-after': '3' },
				});
			// Whoever leaves hands over the turn, so nobody slips in between.
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		} else this.#busy++;
		try {
			return await work();
		} finally {
			const next = this.#waiting.shift();
			if (next === undefined) this.#busy--;
			else next();
		}
	}
}
