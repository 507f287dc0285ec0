/**
 * How often a login may be tried, by address and by name, before anything costly is done. Counted in memory first, so
 * that a flood costs no commit; then in a table that all processes share. Memory holds only tries that were let through, and
 * those of the present second.
 *
 * What a second may cost is bounded for all strangers together, and of that one name and one network get a share alone: a
 * flood of one user's name, or from one provider, leaves room for others. Who is in a browser that is known
 * (known_browsers.ts) is counted for that browser alone.
 */
import type pg from 'pg';
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Standing } from './passwords.ts';
import { Problem } from './problem.ts';

const WINDOW_S = 900;
const PER_ADDRESS = 30;
/** One name from one address; and one name from everywhere, so that few can lock somebody out. */
const PER_PAIR = 10;
const PER_NAME = 100;
/** A flood from everywhere: all tries of strangers in this process, a second; and the shares of that. */
const PER_SECOND = 20;
const NAME_A_SECOND = 4;
const NETWORK_A_SECOND = 8;
/** From one browser that is known; behind that it is a stranger's. */
const PER_BROWSER = 10;

/** What the pages say of them. */
export const LOGIN_LIMITS = {
	windowS: WINDOW_S,
	perAddress: PER_ADDRESS,
	perName: PER_NAME,
	perNameAndAddress: PER_PAIR,
	perSecond: PER_SECOND,
};

export interface Try {
	address: string;
	/** Null: a link, which is counted by address alone. */
	login: string | null;
	/** The browser, where it is known: see known_browsers.ts. */
	browser: string | null;
}

export interface Counted {
	standing: Standing;
	/** A login that was right takes its tries back. */
	forget(): Promise<void>;
}

export interface LoginLimits {
	/** Counts a try; throws a Problem with 429 if it is one too many. */
	take(attempt: Try): Promise<Counted>;
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

/** What one provider has many of: the /16, of IPv6 the /32. */
export function networkKey(address: string): string {
	const key = addressKey(address);
	return key.includes(':') ? key.split(':').slice(0, 2).join(':') : key.split('.').slice(0, 2).join('.');
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
	const nameShare = new RateLimiterMemory({ points: NAME_A_SECOND, duration: 1 });
	const networkShare = new RateLimiterMemory({ points: NETWORK_A_SECOND, duration: 1 });
	const byBrowser = new RateLimiterMemory({ points: PER_BROWSER, duration: WINDOW_S });
	const byAddress = shared('a', PER_ADDRESS);
	const byPair = shared('p', PER_PAIR);
	const byName = shared('n', PER_NAME);
	// Before anything is written anywhere.
	const flood = new RateLimiterMemory({ points: PER_ADDRESS, duration: WINDOW_S });
	return {
		async take({ address, login, browser }) {
			if (browser !== null && (await isWithin(byBrowser, browser)))
				return { standing: 'known', forget: () => byBrowser.delete(browser).then(() => undefined) };
			const from = addressKey(address);
			const name = login?.toLowerCase() ?? null;
			const before = await flood.get(from);
			if (before !== null && before.consumedPoints >= PER_ADDRESS) throw tooMany(before.msBeforeNext);
			await consume(networkShare, networkKey(address));
			if (name !== null) await consume(nameShare, name);
			await consume(all, 'all');
			await consume(flood, from);
			await consume(byAddress, from);
			if (name !== null) {
				await consume(byPair, `${name} ${from}`);
				await consume(byName, name);
			}
			return {
				standing: 'stranger',
				async forget() {
					await Promise.allSettled([
						flood.reward(from, 1),
						byAddress.reward(from, 1),
						...(name === null ? [] : [byPair.delete(`${name} ${from}`), byName.reward(name, 1)]),
					]);
				},
			};
		},
	};
}

type Limiter = RateLimiterMemory | RateLimiterPostgres;

async function consume(limiter: Limiter, key: string): Promise<void> {
	try {
		await limiter.consume(key);
	} catch (error) {
		if (error instanceof RateLimiterRes) throw tooMany(error.msBeforeNext);
		throw error;
	}
}

async function isWithin(limiter: Limiter, key: string): Promise<boolean> {
	return limiter.consume(key).then(
		() => true,
		(error: unknown) => {
			if (error instanceof RateLimiterRes) return false;
			throw error;
		},
	);
}
