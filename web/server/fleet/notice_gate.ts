/**
 * What notices may cost. Anybody who may connect to the database may notify, so of a kind one notice goes on at once, and
 * what comes within the next second goes on as one at its end; more ids than may be asked for become "all", as does
 * everything when so much comes in a second that it isn't even read. Nothing is lost by that. Pure.
 */
import { parseNotice, type Kind, type Notice } from './notices.ts';

/** Between two notices of a kind that go on. */
export const GAP_MS = 1000;
/** That are read in a second. */
export const MOST_READ = 200;
/** Of one kind in one notice. */
export const MOST_IDS = 2000;

const KINDS: readonly Kind[] = ['user', 'group', 'device', 'session'];

interface Waiting {
	ids: Set<string> | '*' | null;
	/** When the last one went on. */
	at: number;
}

export class NoticeGate {
	readonly #waiting = new Map<Kind, Waiting>(KINDS.map((kind) => [kind, { ids: null, at: -Infinity }]));
	readonly #pass: (notice: Notice) => void;
	#second = -Infinity;
	#read = 0;

	constructor(pass: (notice: Notice) => void) {
		this.#pass = pass;
	}

	/** `now` in milliseconds. What became of it: passed or waits ('taken'), nothing of ours, or more than is read. */
	take(payload: string, now: number): 'taken' | 'format' | 'flood' {
		if (now - this.#second >= 1000) {
			this.#second = now;
			this.#read = 0;
		}
		if (this.#read++ >= MOST_READ) {
			for (const waiting of this.#waiting.values()) waiting.ids = '*';
			return 'flood';
		}
		const notice = parseNotice(payload);
		if (notice === null) return 'format';
		this.#add(notice);
		this.flush(now);
		return 'taken';
	}

	#add({ kind, ids }: Notice): void {
		const waiting = this.#waiting.get(kind);
		if (waiting === undefined || waiting.ids === '*') return;
		if (ids === '*') {
			waiting.ids = '*';
			return;
		}
		waiting.ids ??= new Set();
		for (const id of ids) waiting.ids.add(id);
		if (waiting.ids.size > MOST_IDS) waiting.ids = '*';
	}

	/** Passes on what has waited long enough; to be called some times a second. */
	flush(now: number): void {
		for (const [kind, waiting] of this.#waiting) {
			if (waiting.ids === null || now - waiting.at < GAP_MS) continue;
			const ids = waiting.ids === '*' ? '*' : [...waiting.ids];
			waiting.ids = null;
			waiting.at = now;
			this.#pass({ kind, ids });
		}
	}
}
