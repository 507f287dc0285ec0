/**
 * The fleet of this process, in columns: what lives (from the feed) and what is known of each device (from the
 * inventory). Pure but for its memory; the feed writes, everybody reads.
 *
 * A device is at a place (0, 1, ...), which is its number in live frames; a place whose device is gone is used again
 * only after everybody was told (release).
 */
import { packFlags } from '../../shared/frame.ts';
import {
	isMoving,
	outReason,
	SILENT_MIN_MS,
	SILENT_STANDING_MS,
	stateOf,
	states,
	type State,
} from '../../shared/state.ts';
import { fold, orderKey } from '../../shared/text.ts';
import { tileX, tileY } from '../../shared/tiles.ts';
import { Flag, type LiveRow } from './decode.ts';

/** What the inventory says of a device. */
export interface Inventory {
	id: bigint;
	imei: string;
	name: string | null;
	model: string | null;
	enabled: boolean;
	plate: string | null;
	phone: string | null;
	category: string | null;
	group: string | null;
	/** It was refused since it was last let in. */
	refused: boolean;
	/** Milliseconds of silence that are usual while moving, and while standing; NaN: no rhythm yet. */
	silentMoving: number;
	silentStanding: number;
	/** Of one that has never sent a record: when its session began, in milliseconds; NaN otherwise. */
	connectedAt: number;
}

export const NOWHERE = -(2 ** 31);
/** Level of the tiles that are kept of each place, from which those of coarser levels follow by a shift. */
export const FINEST_LEVEL = 20;
const GROW = 1024;

export class Columns {
	size = 0;
	#capacity = 0;
	readonly places = new Map<bigint, number>();
	readonly byImei = new Map<string, number>();
	#free: number[] = [];
	/** By place; null: the place is free. */
	readonly inventory: (Inventory | null)[] = [];
	/** Folded, for searching: name, plate, IMEI. */
	readonly haystack: string[] = [];
	/** What it is ordered by when names are: those without a name by their IMEI, behind the others. */
	readonly nameOrder: string[] = [];
	flags = new Uint16Array(0);
	speed = new Uint16Array(0);
	heading = new Uint16Array(0);
	latitude = new Int32Array(0);
	longitude = new Int32Array(0);
	/** Its tile of FINEST_LEVEL; nothing where the latitude is NOWHERE. */
	tileX = new Uint32Array(0);
	tileY = new Uint32Array(0);
	fixAt = new Float64Array(0);
	recordAt = new Float64Array(0);
	lastSeen = new Float64Array(0);
	disconnectedAt = new Float64Array(0);
	updatedAt = new Float64Array(0);
	/** When what a client sees of it last changed, by the database's clock as this process has it. */
	changedAt = new Float64Array(0);
	/** When it came, changed its group or went, likewise: whoever saw it until then may see it no more. */
	movedAt = new Float64Array(0);
	/** Index in shared/state.ts's states. */
	state = new Uint8Array(0);
	/** The count of the feed's changes at the row's last one, for the reconcile. */
	touched = new Float64Array(0);
	/** How many devices are in each state; places that are in use alone. */
	readonly counts = [0, 0, 0, 0, 0];

	#grow(): void {
		const n = this.#capacity + Math.max(GROW, this.#capacity >> 1);
		const copy = <T extends Uint16Array | Uint32Array | Int32Array | Float64Array | Uint8Array>(to: T, from: T): T => {
			to.set(from);
			return to;
		};
		this.flags = copy(new Uint16Array(n), this.flags);
		this.speed = copy(new Uint16Array(n), this.speed);
		this.heading = copy(new Uint16Array(n), this.heading);
		this.latitude = copy(new Int32Array(n), this.latitude);
		this.longitude = copy(new Int32Array(n), this.longitude);
		this.tileX = copy(new Uint32Array(n), this.tileX);
		this.tileY = copy(new Uint32Array(n), this.tileY);
		this.fixAt = copy(new Float64Array(n), this.fixAt);
		this.recordAt = copy(new Float64Array(n), this.recordAt);
		this.lastSeen = copy(new Float64Array(n), this.lastSeen);
		this.disconnectedAt = copy(new Float64Array(n), this.disconnectedAt);
		this.updatedAt = copy(new Float64Array(n), this.updatedAt);
		this.changedAt = copy(new Float64Array(n), this.changedAt);
		this.movedAt = copy(new Float64Array(n), this.movedAt);
		this.state = copy(new Uint8Array(n), this.state);
		this.touched = copy(new Float64Array(n), this.touched);
		this.#capacity = n;
	}

	#clear(at: number): void {
		this.flags[at] = this.speed[at] = this.heading[at] = this.touched[at] = 0;
		this.latitude[at] = this.longitude[at] = NOWHERE;
		this.fixAt[at] = this.recordAt[at] = this.lastSeen[at] = this.disconnectedAt[at] = this.updatedAt[at] = NaN;
		this.changedAt[at] = 0;
		this.state[at] = 0;
	}

	/** Makes or changes a device; returns its place. */
	put(device: Inventory, now: number): number {
		let at = this.places.get(device.id);
		const fresh = at === undefined;
		if (at === undefined) {
			at = this.#free.pop() ?? this.size++;
			if (at >= this.#capacity) this.#grow();
			this.#clear(at);
			this.places.set(device.id, at);
			this.inventory[at] = device;
			this.counts[0] = (this.counts[0] ?? 0) + 1;
		}
		const before = this.inventory[at];
		if (fresh || before?.group !== device.group) this.movedAt[at] = now;
		if (before && before.imei !== device.imei && this.byImei.get(before.imei) === at) this.byImei.delete(before.imei);
		this.byImei.set(device.imei, at);
		this.inventory[at] = device;
		this.haystack[at] = fold(`${device.name ?? ''}\n${device.plate ?? ''}\n${device.imei}`);
		this.nameOrder[at] = device.name ? orderKey(device.name) : `\u{10ffff}${device.imei}`;
		this.changedAt[at] = now;
		this.judge(at, now);
		return at;
	}

	/** The device is gone; its place stays reserved until release(). */
	remove(at: number, now: number): void {
		const device = this.inventory[at];
		if (!device) return;
		this.places.delete(device.id);
		if (this.byImei.get(device.imei) === at) this.byImei.delete(device.imei);
		this.inventory[at] = null;
		this.haystack[at] = this.nameOrder[at] = '';
		const state = this.state[at] ?? 0;
		this.counts[state] = (this.counts[state] ?? 0) - 1;
		this.#clear(at);
		this.movedAt[at] = now;
	}

	release(at: number): void {
		this.#free.push(at);
	}

	/** Writes a live row; false: nothing is different. A row of no device is for the caller to keep out. */
	live(at: number, row: LiveRow, change: number, now: number): boolean {
		const deleted = (row.flags & Flag.deleted) !== 0;
		const known = !deleted && (row.flags & Flag.fixKnown) !== 0;
		const lat = known ? row.latitude : NOWHERE;
		const lon = known ? row.longitude : NOWHERE;
		this.touched[at] = change;
		const same =
			this.flags[at] === row.flags &&
			this.latitude[at] === lat &&
			this.longitude[at] === lon &&
			this.speed[at] === row.speed &&
			this.heading[at] === row.heading &&
			Object.is(this.fixAt[at], row.fixAt) &&
			Object.is(this.recordAt[at], row.recordAt) &&
			Object.is(this.lastSeen[at], row.lastSeen) &&
			Object.is(this.disconnectedAt[at], row.disconnectedAt);
		this.updatedAt[at] = row.updatedAt;
		if (same) return false;
		this.flags[at] = row.flags;
		if (known && (this.latitude[at] !== lat || this.longitude[at] !== lon)) {
			this.tileX[at] = tileX(lon / 1e7, FINEST_LEVEL);
			this.tileY[at] = tileY(lat / 1e7, FINEST_LEVEL);
		}
		this.latitude[at] = lat;
		this.longitude[at] = lon;
		this.speed[at] = row.speed;
		this.heading[at] = row.heading;
		this.fixAt[at] = row.fixAt;
		this.recordAt[at] = row.recordAt;
		this.lastSeen[at] = row.lastSeen;
		this.disconnectedAt[at] = row.disconnectedAt;
		this.changedAt[at] = now;
		this.judge(at, now);
		return true;
	}

	/**
	 * Since when it has said nothing, as telematics_silence() has it: silence is of records, and pings alone don't end it. Its
	 * newest record, or the last sign of life if that is earlier (a record may be ahead of the database's clock); without any
	 * record, the beginning of its session. NaN: never seen.
	 */
	since(at: number): number {
		const seen = this.lastSeen[at] ?? NaN;
		const record = this.recordAt[at] ?? NaN;
		if (Number.isNaN(seen)) return record;
		const said = Number.isNaN(record) ? (this.inventory[at]?.connectedAt ?? NaN) : record;
		return said < seen ? said : seen;
	}

	/** Its clock is ahead: what it records is stored, and is not live. */
	clockAhead(at: number): boolean {
		return ((this.flags[at] ?? 0) & Flag.clockAhead) !== 0;
	}

	movement(at: number): boolean | null {
		const flags = this.flags[at] ?? 0;
		return flags & Flag.movementKnown ? (flags & Flag.movementOn) !== 0 : null;
	}

	ignition(at: number): boolean | null {
		const flags = this.flags[at] ?? 0;
		return flags & Flag.ignitionKnown ? (flags & Flag.ignitionOn) !== 0 : null;
	}

	/** km/h; null: there was never a fix. */
	speedOf(at: number): number | null {
		return (this.flags[at] ?? 0) & Flag.fixKnown ? (this.speed[at] ?? 0) : null;
	}

	online(at: number): boolean {
		return ((this.flags[at] ?? 0) & Flag.online) !== 0;
	}

	#facts(at: number) {
		const device = this.inventory[at];
		const since = this.since(at);
		const own = (ms: number | undefined) => (ms === undefined || Number.isNaN(ms) ? null : ms);
		return {
			enabled: device?.enabled ?? false,
			refused: device?.refused ?? false,
			saidAt: Number.isNaN(since) ? null : since,
			fix: ((this.flags[at] ?? 0) & Flag.fixNow) !== 0,
			speed: this.speedOf(at),
			movement: this.movement(at),
			silentMoving: own(device?.silentMoving),
			silentStanding: own(device?.silentStanding),
		};
	}

	stateOf(at: number): State {
		return states[this.state[at] ?? 0] ?? 'out';
	}

	outReason(at: number) {
		return outReason(this.#facts(at));
	}

	/** Computes its state anew; true: it is another one. */
	judge(at: number, now: number): boolean {
		const before = this.state[at] ?? 0;
		const after = states.indexOf(stateOf(this.#facts(at), now));
		if (before === after) return false;
		this.state[at] = after;
		this.changedAt[at] = now;
		this.counts[before] = (this.counts[before] ?? 0) - 1;
		this.counts[after] = (this.counts[after] ?? 0) + 1;
		return true;
	}

	/** How long it may say nothing, in milliseconds. */
	patience(at: number): number {
		const moving = isMoving({ movement: this.movement(at), speed: this.speedOf(at) });
		const device = this.inventory[at];
		const own = moving ? device?.silentMoving : device?.silentStanding;
		const usual = own === undefined || Number.isNaN(own) ? (moving ? SILENT_MIN_MS : SILENT_STANDING_MS) : own;
		return Math.max(usual, SILENT_MIN_MS);
	}

	/** Places whose state has changed by time alone. */
	grownSilent(now: number): number[] {
		const found: number[] = [];
		for (let at = 0; at < this.size; at++) {
			const state = this.state[at] ?? 0;
			// 0 is out and 1 is silent already.
			if (state > 1 && this.inventory[at] && now - this.since(at) > SILENT_MIN_MS && this.judge(at, now))
				found.push(at);
		}
		return found;
	}

	/** The flags byte of a live frame. */
	frameFlags(at: number): number {
		if (!this.inventory[at]) return packFlags('gone', false, null, null);
		const state = this.stateOf(at);
		const out = state === 'out' ? this.outReason(at) : null;
		return packFlags(state, this.online(at), this.ignition(at), out, this.clockAhead(at));
	}
}
