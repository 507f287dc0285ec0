/**
 * One connection that listens. It comes back by itself, and proves that it is heard: behind a pooler LISTEN succeeds and
 * stays dumb. The owner is told of payloads, and of each time that it begins to listen (what was missed is unknown then).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Database } from '../db.ts';

export const CHANNELS = ['telematics_live', 'telematics_web', 'telematics_command_status'] as const;
export type Channel = (typeof CHANNELS)[number];

const PROBE_MS = 30_000;
const PROBE_WAIT_MS = 3000;
const PING = 'ping:';

export interface ListenerEvents {
	payload: (channel: Channel, payload: string) => void;
	/** It listens; `heard`: a notification of its own came back. */
	listening: (heard: boolean) => void;
	lost: (reason: string) => void;
}

export class Listener {
	readonly #database: Database;
	readonly #log: Logger;
	readonly #events: ListenerEvents;
	#client: pg.Client | null = null;
	#stopped = false;
	#probe: { text: string; heard: () => void } | null = null;
	#timer: NodeJS.Timeout | null = null;

	constructor(database: Database, log: Logger, events: ListenerEvents) {
		this.#database = database;
		this.#log = log;
		this.#events = events;
	}

	start(): void {
		void this.#run();
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		if (this.#timer) clearInterval(this.#timer);
		await this.#client?.end().catch(() => undefined);
	}

	async #run(): Promise<void> {
		for (let wait = 250; !this.#stopped; wait = Math.min(wait * 2, 5000)) {
			try {
				await this.#session();
				wait = 250;
			} catch (error) {
				this.#events.lost(error instanceof Error ? error.message : String(error));
			}
			await sleep(wait * (0.5 + Math.random()));
		}
	}

	/** From connecting to the end of the connection. */
	async #session(): Promise<void> {
		const client = await this.#database.connect('feed');
		this.#client = client;
		const ended = new Promise<void>((resolve) => client.once('end', resolve));
		client.on('notification', (n) => this.#notified(n.channel, n.payload ?? ''));
		try {
			for (const channel of CHANNELS) await client.query(`LISTEN ${channel}`);
			await this.#isHeard();
			this.#timer = setInterval(() => void this.#prove(client).catch(() => undefined), PROBE_MS);
			await ended;
			if (!this.#stopped) this.#events.lost('the database closed the connection');
		} finally {
			if (this.#timer) clearInterval(this.#timer);
			this.#client = null;
			client.end().catch(() => undefined);
		}
	}

	/** One that is dumb may be held by a server that is gone, or that writes no more: another is tried. */
	async #prove(client: pg.Client): Promise<void> {
		if (await this.#isHeard()) return;
		// It may never say good-bye.
		client.connection.stream.destroy();
	}

	/** By another connection, as it would be in life. */
	async #isHeard(): Promise<boolean> {
		const text = PING + randomUUID();
		const heard = await new Promise<boolean>((resolve) => {
			const timer = setTimeout(() => resolve(false), PROBE_WAIT_MS);
			this.#probe = {
				text,
				heard: () => {
					clearTimeout(timer);
					resolve(true);
				},
			};
			this.#database.pool.query("SELECT pg_notify('telematics_web', $1)", [text]).catch((error: unknown) => {
				this.#log.warn({ err: error }, 'the probe of the live feed could not be sent');
			});
		});
		this.#probe = null;
		this.#events.listening(heard);
		return heard;
	}

	#notified(channel: string, payload: string): void {
		if (payload.startsWith(PING)) {
			if (this.#probe?.text === payload) this.#probe.heard();
			return;
		}
		const known = CHANNELS.find((c) => c === channel);
		if (known !== undefined) this.#events.payload(known, payload);
	}
}
