/**
 * Sessions of browsers: express-session with its table, but the table holds the hash of the id alone, a session that is
 * merely used is written once a minute at most, and it ends after some hours without use and some days in any case.
 */
import { createHash, randomBytes } from 'node:crypto';
import connectPgSimple from 'connect-pg-simple';
import session, { type SessionData } from 'express-session';
import type { RequestHandler } from 'express';
import type pg from 'pg';
import type { Config } from './config.ts';
import { DatabaseAway, isAway } from './db.ts';

export const COOKIE = '__Host-omnitrack';
const WRITE_MS = 60_000;
/** Of a wall display, which nobody uses by hand. */
export const DISPLAY_DAYS = 365;

/** With an end: its timer stops. */
export type Store = session.Store & { close: () => void | Promise<void> };

declare module 'express-session' {
	interface SessionData {
		userId: string;
		kind: 'web' | 'display';
		/** Milliseconds since the epoch. */
		signedInAt: number;
		address: string;
		userAgent: string;
	}
}

/** A request that nobody made by hand: it doesn't keep the session alive. */
const passive = Symbol('passive');

export function markPassive(session: object): void {
	Object.defineProperty(session, passive, { value: true });
}

export function hashedSid(sid: string): string {
	return createHash('sha256').update(sid).digest('base64url');
}

/** However much it is used, a session ends some days after it began. */
export function isTooOld(
	data: { kind?: unknown; signedInAt?: unknown },
	config: Pick<Config, 'WEB_SESSION_MAX_DAYS'>,
): boolean {
	const days = data.kind === 'display' ? DISPLAY_DAYS : config.WEB_SESSION_MAX_DAYS;
	return typeof data.signedInAt === 'number' && Date.now() - data.signedInAt > days * 86_400_000;
}

type Done = (error?: unknown) => void;

export function sessionStore(pool: pg.Pool, config: Config, onError: (error: unknown) => void): Store {
	const Base = connectPgSimple(session);
	/** When each session was last written by this process; forgotten when it is long. */
	const written = new Map<string, number>();

	class HashedStore extends Base {
		override get(sid: string, callback: (error: unknown, data?: SessionData | null) => void): void {
			super.get(hashedSid(sid), (error: unknown, data?: SessionData | null) => {
				const over = data !== undefined && data !== null && isTooOld(data, config);
				// express-session takes ENOENT, which a socket that is away says, for a session that isn't there.
				if (error) callback(isAway(error) ? new DatabaseAway('sessions can not be read', { cause: error }) : error);
				else callback(null, over ? null : data);
			});
		}
		override set(sid: string, data: SessionData, callback?: Done): void {
			written.set(sid, Date.now());
			super.set(hashedSid(sid), data, callback);
		}
		override destroy(sid: string, callback?: Done): void {
			written.delete(sid);
			super.destroy(hashedSid(sid), callback);
		}
		override touch(sid: string, data: SessionData, callback?: Done): void {
			const now = Date.now();
			if (passive in data || now - (written.get(sid) ?? 0) < WRITE_MS) {
				callback?.();
				return;
			}
			if (written.size > 10_000) written.clear();
			written.set(sid, now);
			super.touch(hashedSid(sid), data, callback);
		}
	}
	return new HashedStore({
		pool,
		schemaName: 'omnitrack',
		tableName: 'web_sessions',
		pruneSessionInterval: 15 * 60,
		errorLog: onError,
	});
}

export function sessionHandler(store: Store, config: Config): RequestHandler {
	return session({
		store,
		name: COOKIE,
		// The id has 256 random bits and its hash is looked up, so a signature protects nothing: its key is no secret.
		secret: 'omnitrack',
		genid: () => randomBytes(32).toString('base64url'),
		resave: false,
		saveUninitialized: false,
		rolling: true,
		cookie: {
			path: '/',
			httpOnly: true,
			secure: true,
			sameSite: 'lax',
			maxAge: config.WEB_SESSION_IDLE_HOURS * 3_600_000,
		},
	});
}
