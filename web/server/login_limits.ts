/**
 * How often a login may be tried, by address and by name, before anything costly is done. Counted in memory first, so
 * that a flood costs no commit; then in a table that all processes share.
 */
import type pg from 'pg';
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from './problem.ts';

const WINDOW_S = 900;
const PER_ADDRESS = 30;
/** One name from one address; and one name from everywhere, so that few can lock somebody out. */
const PER_PAIR = 10;
const PER_NAME = 100;
/** A flood from everywhere: all tries of this process, a second. */
const PER_SECOND = 20;

export interface LoginLimits {
	/** Counts a try; throws a Problem with 429 if it is one too many. Without a login (a link) by address alone. */
	take(address: string, login: string | null): Promise<void>;
	/** A login that was right takes its tries back. */
	forget(address: string, login: string | null): Promise<void>;
}

/** IPv6: the /64, of which one host has all addresses. */
export function addressKey(address: string): string {
	const bare = address.replace(/^::ffff:/, '');
	if (!bare.includes(':')) return bare;
	const [head = '', tail = ''] = bare.split('::');
	const left = head === '' ? [] : head.split(':');
	const right = tail === '' ? [] : tail.split(':');
	const zeros = bare.includes('::') ? Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0') : [];
	return [...left, ...zeros, ...right].slice(0, 4).join(':') + '::/64';
}

function tooMany(ms: number): Problem {
	const seconds = Math.max(1, Math.ceil(ms / 1000));
	return new Problem(429, 'Too many logins', {
		detail: `Try again in ${seconds} s.`,
		headers: { 'retry-after': String(seconds) },
	});
}

export function loginLimits(pool: pg.Pool): LoginLimits {
	const shared = (keyPrefix: string, points: number) =>
		new RateLimiterPostgres({
			storeClient: pool,
			storeType: 'pool',
			schemaName: 'omnitrack',
			tableName: 'login_attempts',
			tableCreated: true,
			keyPrefix,
			points,
			duration: WINDOW_S,
			// What is over the limit is refused from memory.
			inMemoryBlockOnConsumed: points + 1,
			inMemoryBlockDuration: 30,
			insuranceLimiter: new RateLimiterMemory({ keyPrefix, points, duration: WINDOW_S }),
		});
	const all = new RateLimiterMemory({ points: PER_SECOND, duration: 1 });
	const byAddress = shared('a', PER_ADDRESS);
	const byPair = shared('p', PER_PAIR);
	const byName = shared('n', PER_NAME);
	// Before anything is written anywhere.
	const flood = new RateLimiterMemory({ points: PER_ADDRESS, duration: WINDOW_S });
	const consume = async (limiter: RateLimiterMemory | RateLimiterPostgres, key: string) => {
		try {
			await limiter.consume(key);
		} catch (error) {
			if (error instanceof RateLimiterRes) throw tooMany(error.msBeforeNext);
			throw error;
		}
	};
	return {
		async take(address, login) {
			const from = addressKey(address);
			await consume(flood, from);
			await consume(all, 'all');
			await consume(byAddress, from);
			if (login === null) return;
			await consume(byPair, `${login.toLowerCase()} ${from}`);
			await consume(byName, login.toLowerCase());
		},
		async forget(address, login) {
			const from = addressKey(address);
			await flood.reward(from, 1).catch(() => undefined);
			await byAddress.reward(from, 1).catch(() => undefined);
			if (login === null) return;
			await byPair.delete(`${login.toLowerCase()} ${from}`).catch(() => undefined);
			await byName.reward(login.toLowerCase(), 1).catch(() => undefined);
		},
	};
}
