/** The one moment that map, chart and table show together; and the replay, which moves it on. Not React: it changes 60 times a second. */
import { useSyncExternalStore } from 'react';
import type { Range } from '../../api/history.ts';

/** How many times faster than it was. */
export const PACES = [1, 5, 15, 30, 60] as const;
/** A stop or gap, however long, takes so long in a replay. */
const SKIP_MS = 700;

export class Cursor {
	#time: number | null = null;
	#playing = false;
	#pace = 30;
	#last = 0;
	#until = 0;
	#skips: readonly Range[] = [];
	readonly #listeners = new Set<() => void>();

	subscribe = (listener: () => void): (() => void) => {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	};
	/** Milliseconds since the epoch; null: nowhere. */
	time = (): number | null => this.#time;
	playing = (): boolean => this.#playing;
	pace = (): number => this.#pace;

	#tell(): void {
		for (const listener of this.#listeners) listener();
	}

	set(time: number | null): void {
		if (time === this.#time) return;
		this.#time = time;
		this.#tell();
	}

	setPace(pace: number): void {
		this.#pace = pace;
		this.#tell();
	}

	/** From where it is, or from the start, if it is at the end or nowhere. `skips`: what nothing happens in, in order. */
	play({ from, to: until }: Range, skips: readonly Range[]): void {
		if (this.#time === null || this.#time >= until || this.#time < from) this.#time = from;
		this.#until = until;
		this.#skips = skips;
		this.#playing = true;
		this.#last = performance.now();
		this.#tell();
		requestAnimationFrame(this.#step);
	}

	pause(): void {
		this.#playing = false;
		this.#tell();
	}

	#step = (now: number): void => {
		if (!this.#playing) return;
		// A page that was hidden goes on where it was.
		const passed = Math.min(250, now - this.#last);
		this.#last = now;
		const time = this.#time ?? 0;
		const skip = this.#skips.find((s) => s.from <= time && time < s.to);
		const pace = skip === undefined ? this.#pace : Math.max(this.#pace, (skip.to - skip.from) / SKIP_MS);
		this.#time = Math.min(this.#until, skip?.to ?? Infinity, time + passed * pace);
		if (this.#time >= this.#until) this.#playing = false;
		this.#tell();
		requestAnimationFrame(this.#step);
	};
}

export function useCursor(cursor: Cursor): number | null {
	return useSyncExternalStore(cursor.subscribe, cursor.time);
}

export function usePlaying(cursor: Cursor): boolean {
	return useSyncExternalStore(cursor.subscribe, cursor.playing);
}

export function usePace(cursor: Cursor): number {
	return useSyncExternalStore(cursor.subscribe, cursor.pace);
}
