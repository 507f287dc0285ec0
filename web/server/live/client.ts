/** One connection of the live feed: what it looks at, which numbers it knows, and whether it reads what it is sent. */
import type { Socket } from 'socket.io';
import type { ClientEvents, ServerEvents } from '../../shared/live.ts';
import type { Trace } from '../children.ts';
import type { Person } from '../directory.ts';
import type { ViewFilter } from './look.ts';
import type { VisibilityClass } from './rooms.ts';

export type LiveSocket = Socket<ClientEvents, ServerEvents>;

const FULL_BYTES = 256_000;
const FULL_PACKETS = 50;

export class Client {
	readonly socket: LiveSocket;
	readonly sid: string;
	/** web_sessions.id, by which notices name the session. */
	readonly session: string;
	readonly address: string;
	/** A wall display, which only shows. */
	readonly display: boolean;
	person: Person;
	visibility: VisibilityClass;
	tiles: string[] = [];
	small = false;
	mode: 'none' | 'points' | 'cells' = 'none';
	filter: ViewFilter | null = null;
	/** Places of its filtered view, which no room has: it is told of them alone. */
	picked: Set<number> | null = null;
	/** It may see more than can be sent: it is told what there is outside its tiles. */
	tooMany = false;
	watched = new Set<bigint>();
	/** Places of those that it was told of: it hears when one is there no more for it. */
	followed: number[] = [];
	paused = false;
	/** Since when it has not read what it was sent; null: it reads. */
	stalledSince: number | null = null;
	/** A view that it was not sent, as it does not read: it gets all of it when it does. */
	owed = false;
	/** It has everything up to here, by the database's clock; what changed since is sent when it reads again. */
	sentUntil = 0;
	/** When the fleet was last looked over for it. */
	lookedAt = 0;
	trace: Trace | null = null;
	/** The IMEI that the trace is of. */
	traced = '';
	/** Requests in the present second. */
	requests = 0;
	/** A bit for each number that it knows. */
	#known = new Uint8Array(0);

	constructor(
		socket: LiveSocket,
		person: Person,
		visibility: VisibilityClass,
		sid: string,
		session: string,
		address: string,
		display: boolean,
	) {
		this.socket = socket;
		this.person = person;
		this.visibility = visibility;
		this.sid = sid;
		this.session = session;
		this.address = address;
		this.display = display;
	}

	knows(number: number): boolean {
		return ((this.#known[number >> 3] ?? 0) & (1 << (number & 7))) !== 0;
	}

	learn(number: number): void {
		const byte = number >> 3;
		if (byte >= this.#known.length) {
			const more = new Uint8Array(Math.max(1024, byte * 2));
			more.set(this.#known);
			this.#known = more;
		}
		this.#known[byte] = (this.#known[byte] ?? 0) | (1 << (number & 7));
	}

	forget(number: number): void {
		const byte = number >> 3;
		if (byte < this.#known.length) this.#known[byte] = (this.#known[byte] ?? 0) & ~(1 << (number & 7));
	}

	/** Bytes that have not left this process, of those that the transport has taken. */
	get backlog(): number {
		const transport = this.socket.conn.transport as unknown as { socket?: { bufferedAmount?: number } };
		return transport.socket?.bufferedAmount ?? 0;
	}

	/** True while something that it was sent has not left this process. */
	get isBehind(): boolean {
		return this.#waiting > 0 || this.backlog > 0;
	}

	/** True while more for it would only fill our memory: what left this process last is not read yet. */
	get isChoked(): boolean {
		return this.backlog > FULL_BYTES || this.#waiting > FULL_PACKETS;
	}

	/** True while it should get no more at once: it does not read, or not fast enough. */
	get isFull(): boolean {
		return this.stalledSince !== null || this.isChoked;
	}

	/** Packets that the transport has not taken yet. */
	get #waiting(): number {
		return (this.socket.conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
	}
}
