/**
 * The fleet as this page knows it: columns, one place a device, filled by binary frames (shared/frame.ts). Nothing is
 * allocated for a change, so twenty thousand of them a second are cheap. React subscribes by `version`, and is told of
 * what comes in quick succession together.
 */
import { FRAME_DEVICE, FRAME_HEADER, KIND_ALL, kindOf, visitFrame } from '../../shared/frame.ts';
import { states, type State } from '../../shared/state.ts';
import { mercatorX, mercatorY } from '../map/mercator.ts';

/** Index of a state in `states`, or GONE. */
export const GONE = 7;
const NOWHERE = -(2 ** 31);
/** Milliseconds between two times that listeners are told. */
const TELL_MS = 200;

/** What a page that is not shown the whole fleet keeps of what it is sent. */
export interface Limits {
	/** In the tiles that it asked for; mercator. */
	inside: (x: number, y: number) => boolean;
	/** Whatever the tiles. */
	keeps: (number: number) => boolean;
}

export class Fleet {
	/** Places in use: numbers are below this. */
	size = 0;
	/** Grows with every change that can be seen. */
	version = 0;
	/** Milliseconds since the epoch by the database's clock; 0: nothing has come yet. */
	asOf = 0;
	/** A complete answer has come: what isn't here doesn't exist, as far as this user may see. */
	complete = false;

	x = new Float64Array(0);
	y = new Float64Array(0);
	speed = new Uint8Array(0);
	/** 360/256 degrees. */
	heading = new Uint8Array(0);
	flags = new Uint8Array(0);
	/** Seconds since the epoch; 0: never. */
	lastSeen = new Uint32Array(0);

	/** The device's id of each number; undefined: not told yet. */
	readonly ids: (string | undefined)[] = [];
	readonly #numbers = new Map<string, number>();
	readonly #listeners = new Set<() => void>();
	#toldAt = -TELL_MS;
	#telling = false;

	subscribe = (listener: () => void): (() => void) => {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	};

	getVersion = (): number => this.version;

	/** New connection, new numbers: all is forgotten, but nothing is told before the next frame, so no map goes blank. */
	forget(): void {
		this.size = 0;
		this.complete = false;
		this.ids.length = 0;
		this.#numbers.clear();
	}

	name(number: number, id: string): void {
		this.#grow(number + 1);
		this.ids[number] = id;
		this.#numbers.set(id, number);
	}

	numberOf(id: string): number | undefined {
		return this.#numbers.get(id);
	}

	/**
	 * Takes a frame; throws a RangeError for what is none. One with all devices replaces what is held; of others, what lies
	 * outside the limits is left out.
	 */
	apply(bytes: Uint8Array, limits: Limits | null = null): void {
		if (kindOf(bytes) === KIND_ALL) this.clear(limits);
		const { kind, asOf } = visitFrame(bytes, (number, lat, lon, speed, heading, flags, lastSeen) => {
			this.#grow(number + 1);
			const nowhere = lat === NOWHERE && lon === NOWHERE;
			this.x[number] = nowhere ? NaN : mercatorX(lon / 1e7);
			this.y[number] = nowhere ? NaN : mercatorY(lat / 1e7);
			this.speed[number] = speed;
			this.heading[number] = heading;
			this.flags[number] = flags;
			this.lastSeen[number] = lastSeen;
			if (limits === null || limits.keeps(number)) return;
			if (!limits.inside(this.x[number], this.y[number])) this.flags[number] = GONE;
		});
		this.asOf = Math.max(this.asOf, asOf);
		if (kind === KIND_ALL && limits === null) this.complete = true;
		if (bytes.byteLength >= FRAME_HEADER + FRAME_DEVICE || kind === KIND_ALL) this.changed();
	}

	/** Nothing is shown any more but what is kept whatever the tiles. */
	clear(limits: Limits | null): void {
		for (let i = 0; i < this.size; i++) if (limits?.keeps(i) !== true) this.flags[i] = GONE;
	}

	changed(): void {
		this.version++;
		if (this.#telling) return;
		this.#telling = true;
		const wait = Math.max(0, this.#toldAt + TELL_MS - performance.now());
		setTimeout(() => {
			this.#telling = false;
			this.#toldAt = performance.now();
			for (const listener of this.#listeners) listener();
		}, wait);
	}

	state(number: number): State | null {
		return states[(this.flags[number] ?? GONE) & 7] ?? null;
	}

	/** How many are in each state, in the order of `states`. */
	counts(): number[] {
		const counts = states.map(() => 0);
		for (let i = 0; i < this.size; i++) {
			const state = (this.flags[i] ?? GONE) & 7;
			if (state < counts.length) counts[state] = (counts[state] ?? 0) + 1;
		}
		return counts;
	}

	#grow(size: number): void {
		if (size <= this.size) return;
		if (size > this.flags.length) {
			const room = Math.max(1024, size, this.flags.length * 2);
			const grown = <T extends Float64Array | Uint8Array | Uint32Array>(to: T, from: T): T => {
				to.set(from);
				return to;
			};
			this.x = grown(new Float64Array(room).fill(NaN), this.x);
			this.y = grown(new Float64Array(room).fill(NaN), this.y);
			this.speed = grown(new Uint8Array(room), this.speed);
			this.heading = grown(new Uint8Array(room), this.heading);
			this.flags = grown(new Uint8Array(room).fill(GONE), this.flags);
			this.lastSeen = grown(new Uint32Array(room), this.lastSeen);
		}
		this.x.fill(NaN, this.size, size);
		this.y.fill(NaN, this.size, size);
		this.flags.fill(GONE, this.size, size);
		this.size = size;
	}
}
