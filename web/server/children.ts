/**
 * Runs tgctl for what it knows best: why a tracker is silent, what a frame says, and a live trace. The number of children is bounded, each
 * has a time limit, gets one checked IMEI, and the database's URL by environment. One user has a share of them alone.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { isIP } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Problem } from './problem.ts';

const AT_ONCE = 4;
const MAX_WAITING = 20;
/** Of one user, running or waiting. */
const OF_ONE = 4;
const TRACES = 16;
const TRACES_OF_ONE = 4;
/** From being told to end to being ended. */
const STOP_MS = 2000;
const WHY_MS = 20_000;
const MAX_OUTPUT = 1_000_000;
const MAX_LINE = 100_000;

type Child = ChildProcessByStdio<null, Readable, Readable>;

export interface Trace {
	stop(): void;
}

/** As tgctl takes it: an address and a port. */
function gatewayAddress(url: string | null): NodeJS.ProcessEnv {
	if (url === null) return {};
	const { hostname, port } = new URL(url);
	const bare = hostname.replace(/^\[|\]$/g, '');
	if (bare !== 'localhost' && isIP(bare) === 0) return {};
	return { METRICS_BIND: bare === 'localhost' ? '127.0.0.1' : bare, METRICS_PORT: port === '' ? '80' : port };
}

/** How many of something each user has. */
class Shares {
	readonly #most: number;
	readonly #taken = new Map<string, number>();

	constructor(most: number) {
		this.#most = most;
	}

	take(user: string): boolean {
		const has = this.#taken.get(user) ?? 0;
		if (has < this.#most) this.#taken.set(user, has + 1);
		return has < this.#most;
	}

	give(user: string): void {
		const left = (this.#taken.get(user) ?? 0) - 1;
		if (left > 0) this.#taken.set(user, left);
		else this.#taken.delete(user);
	}
}

export class Children {
	readonly #program: string;
	readonly #env: NodeJS.ProcessEnv;
	readonly #running = new Set<Child>();
	#busy = 0;
	#traces = 0;
	readonly #waiting: (() => void)[] = [];
	readonly #asked = new Shares(OF_ONE);
	readonly #traced = new Shares(TRACES_OF_ONE);

	constructor(program: string, databaseUrl: string) {
		this.#program = program;
		const kept = Object.entries(process.env).filter(([name]) => /^(PATH|LANG|LC_.*|TELEM_.*|METRICS_.*)$/.test(name));
		this.#env = { ...Object.fromEntries(kept), DATABASE_URL: databaseUrl };
	}

	#spawn(args: string[], env: NodeJS.ProcessEnv = {}): Child {
		const child = spawn(this.#program, args, { env: { ...this.#env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
		this.#running.add(child);
		child.once('close', () => this.#running.delete(child));
		return child;
	}

	/** `tgctl why IMEI --json`; what it prints, parsed. `gateway`: where the gateway says its /status; `user`: who asks. */
	why(imei: string, gateway: string | null, user: string): Promise<unknown> {
		return this.#inTurn(['why', imei, '--json'], gatewayAddress(gateway), user);
	}

	/** `tgctl raw show ID --json`: a frame of the quarantine with what it says. */
	rawShow(id: string, user: string): Promise<unknown> {
		return this.#inTurn(['raw', 'show', id, '--json'], {}, user);
	}

	async #inTurn(args: string[], env: NodeJS.ProcessEnv, user: string): Promise<unknown> {
		if (!this.#asked.take(user))
			throw new Problem(429, 'You ask too many such questions at once', {
				detail: 'Wait for the answers to the others.',
				headers: { 'retry-after': '2' },
			});
		try {
			return await this.#whenFree(args, env);
		} finally {
			this.#asked.give(user);
		}
	}

	async #whenFree(args: string[], env: NodeJS.ProcessEnv): Promise<unknown> {
		if (this.#busy >= AT_ONCE) {
			if (this.#waiting.length >= MAX_WAITING)
				throw new Problem(503, 'Too many such questions at once', { detail: 'Try again in a few seconds.' });
			await new Promise<void>((go) => this.#waiting.push(go));
		}
		this.#busy++;
		try {
			return await this.#ask(args, env);
		} finally {
			this.#busy--;
			this.#waiting.shift()?.();
		}
	}

	#ask(args: string[], env: NodeJS.ProcessEnv): Promise<unknown> {
		return new Promise((resolve, reject) => {
			const child = this.#spawn(args, env);
			let out = '';
			let err = '';
			const timer = setTimeout(() => child.kill('SIGKILL'), WHY_MS);
			child.stdout.setEncoding('utf8').on('data', (text: string) => {
				out += text;
				if (out.length > MAX_OUTPUT) child.kill('SIGKILL');
			});
			child.stderr.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-2000)));
			const failed = (why: string) =>
				reject(
					new Problem(502, 'tgctl gave no answer', { detail: why.trim().slice(0, 500) || 'It ended without a word.' }),
				);
			child.once('error', (error) => {
				clearTimeout(timer);
				failed(`${this.#program}: ${error.message}`);
			});
			child.once('close', (code, signal) => {
				clearTimeout(timer);
				if (code !== 0) return failed(signal === null ? err : 'It took too long.');
				try {
					resolve(JSON.parse(out));
				} catch {
					failed('Its answer is not JSON.');
				}
			});
		});
	}

	/** `tgctl trace IMEI`, a line an event, until it ends or is stopped. */
	trace(
		user: string,
		imei: string,
		seconds: number,
		line: (event: Record<string, unknown>) => void,
		end: (why: string) => void,
	): Trace {
		if (this.#traces >= TRACES)
			throw new Problem(503, 'Too many traces at once', { detail: 'End one, or try again later.' });
		if (!this.#traced.take(user))
			throw new Problem(429, 'You have too many traces at once', { detail: 'End one first.' });
		this.#traces++;
		const child = this.#spawn(['trace', imei, '--for', String(seconds), '--json']);
		let err = '';
		let over = false;
		const finish = (why: string) => {
			if (over) return;
			over = true;
			end(why);
		};
		// It counts until it is gone, not until it was told to go: else they could be made faster than they end.
		let there = true;
		const gone = () => {
			if (there) {
				this.#traces--;
				this.#traced.give(user);
			}
			there = false;
		};
		child.stderr.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-500)));
		createInterface({ input: child.stdout, crlfDelay: Infinity }).on('line', (text) => {
			if (over || text.length > MAX_LINE) return;
			try {
				const event: unknown = JSON.parse(text);
				if (typeof event === 'object' && event !== null && !Array.isArray(event))
					line(event as Record<string, unknown>);
			} catch {
				// not an event
			}
		});
		child.once('error', (error) => {
			if (child.pid === undefined) gone();
			finish(error.message);
		});
		child.once('close', (code) => {
			gone();
			finish(code === 0 ? 'The time is over.' : err.trim() || 'The gateway ended the trace.');
		});
		return {
			stop() {
				finish('Stopped.');
				child.kill('SIGTERM');
				const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
				child.once('close', () => clearTimeout(timer));
			},
		};
	}

	close(): void {
		for (const child of this.#running) child.kill('SIGKILL');
	}
}
