/** The lines of a live trace on their way to a client. Of one that does not read they are counted, not kept: it is told how many it missed. */

export type TraceLine = Record<string, unknown>;

export class TraceLines {
	readonly #isChoked: () => boolean;
	readonly #send: (line: TraceLine) => void;
	#missed = 0;

	/** `isChoked`: may nothing be sent now? */
	constructor(isChoked: () => boolean, send: (line: TraceLine) => void) {
		this.#isChoked = isChoked;
		this.#send = send;
	}

	pass(line: TraceLine): void {
		if (this.#isChoked()) {
			this.#missed++;
			return;
		}
		this.end();
		this.#send(line);
	}

	/** No more come: says what is still to be said. In the words of `tgctl trace`, whose own reader may be too slow too. */
	end(): void {
		if (this.#missed > 0) this.#send({ event: 'lost', events: this.#missed });
		this.#missed = 0;
	}
}
