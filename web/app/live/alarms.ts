/** Alarms that came while this page is open: the newest first, until they are put away. */
import type { Alarm } from '../../shared/live.ts';

/** Kept; older ones are in the device's events. */
const MOST = 50;

export class AlarmList {
	#alarms: readonly Alarm[] = [];
	/** When each came to this page, by its key: milliseconds since the epoch. */
	readonly #came = new Map<string, number>();
	readonly #listeners = new Set<() => void>();
	readonly #hearers = new Set<(fresh: readonly Alarm[]) => void>();

	subscribe = (listener: () => void): (() => void) => {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	};

	/** Calls back with those that have just come. */
	hear = (hearer: (fresh: readonly Alarm[]) => void): (() => void) => {
		this.#hearers.add(hearer);
		return () => this.#hearers.delete(hearer);
	};

	get = (): readonly Alarm[] => this.#alarms;

	add(alarms: readonly Alarm[], now = Date.now()): void {
		const known = new Set(this.#alarms.map((a) => a.key));
		const fresh = alarms.filter((a) => !known.has(a.key));
		if (fresh.length === 0) return;
		for (const a of fresh) this.#came.set(a.key, now);
		this.#set([...[...fresh].reverse(), ...this.#alarms].slice(0, MOST));
		for (const hearer of this.#hearers) hearer(fresh);
	}

	/** One, or all. */
	putAway(key: string | null): void {
		this.#set(key === null ? [] : this.#alarms.filter((a) => a.key !== key));
	}

	/** Those that came before, in milliseconds since the epoch. */
	putAwayOlder(than: number): void {
		const kept = this.#alarms.filter((a) => (this.#came.get(a.key) ?? 0) > than);
		if (kept.length < this.#alarms.length) this.#set(kept);
	}

	#set(alarms: readonly Alarm[]): void {
		this.#alarms = alarms;
		const kept = new Set(alarms.map((a) => a.key));
		for (const key of this.#came.keys()) if (!kept.has(key)) this.#came.delete(key);
		for (const listener of this.#listeners) listener();
	}
}
