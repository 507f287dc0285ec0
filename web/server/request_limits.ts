/** How many requests one user, or one address of nobody, may make in a minute; each answer says how many are left. */
import type { Response } from 'express';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from './problem.ts';

export interface RequestLimits {
	take(who: string, res: Response): Promise<void>;
	/** Throws for an address that has given too many tokens that are none: before the database is asked for one. */
	mayTry(address: string): Promise<void>;
	failed(address: string): Promise<void>;
	/** Counts a request with an Idempotency-Key, whose answer is kept. */
	takeKey(user: string): Promise<void>;
}

/** Answers that are kept of one user, an hour and process. */
const KEYS_AN_HOUR = 1000;

export function requestLimits(aMinute: number): RequestLimits {
	const tokens = new RateLimiterMemory({ points: aMinute, duration: 60 });
	const limiter = new RateLimiterMemory({ points: aMinute, duration: 60 });
	const keys = new RateLimiterMemory({ points: KEYS_AN_HOUR, duration: 3600 });
	return {
		async takeKey(user) {
			try {
				await keys.consume(user);
			} catch (error) {
				if (!(error instanceof RateLimiterRes)) throw error;
				throw new Problem(429, 'Too many requests with an Idempotency-Key', {
					detail: 'Send one command to many devices instead of many to one each.',
					headers: { 'retry-after': String(Math.ceil(error.msBeforeNext / 1000)) },
				});
			}
		},
		async mayTry(address) {
			const state = await tokens.get(address);
			if (state !== null && state.consumedPoints >= aMinute)
				throw new Problem(429, 'Too many wrong tokens', {
					detail: 'Try again in a minute.',
					headers: { 'retry-after': String(Math.ceil(state.msBeforeNext / 1000)) },
				});
		},
		async failed(address) {
			await tokens.consume(address).catch(() => undefined);
		},
		async take(who, res) {
			let state: RateLimiterRes;
			let over = false;
			try {
				state = await limiter.consume(who);
			} catch (error) {
				if (!(error instanceof RateLimiterRes)) throw error;
				state = error;
				over = true;
			}
			const reset = Math.ceil(state.msBeforeNext / 1000);
			res.set({
				'ratelimit-limit': String(aMinute),
				'ratelimit-remaining': String(Math.max(0, state.remainingPoints)),
				'ratelimit-reset': String(reset),
			});
			if (over)
				throw new Problem(429, 'Too many requests', {
					detail: `Try again in ${reset} s.`,
					headers: { 'retry-after': String(reset) },
				});
		},
	};
}
