/**
 * Browsers in which somebody has signed in before. A flood of wrong logins, by whomever and from wherever, doesn't keep them
 * out: their tries are counted for themselves, and computed before those of strangers.
 *
 * The cookie says whose browser it is and until when; its seal is made with a digest of the stored password, so it is worth
 * nothing after a new password, and nobody who hasn't signed in can make one. It lets nobody in without the password.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Directory } from './directory.ts';

const COOKIE = '__Host-omnitrack-known';
const KEEP_MS = 90 * 86_400_000;
const FORM = /^(([1-9]\d{0,17})\.(\d{13,15})\.[A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{43})$/;

const seal = (text: string, key: Buffer) => createHmac('sha256', key).update(text).digest();

/** What the cookie holds. `key`: see Directory.keyOf(). */
export function knownValue(user: string, key: Buffer, now: number): string {
	const text = `${user}.${now + KEEP_MS}.${randomBytes(12).toString('base64url')}`;
	return `${text}.${seal(text, key).toString('base64url')}`;
}

/** Is this a browser of that user? Then what names it, else null. */
export function readKnown(value: string, user: string, key: Buffer, now: number): string | null {
	const m = FORM.exec(value);
	const [, text = '', whose, until, given = ''] = m ?? [];
	if (m === null || whose !== user || Number(until) < now) return null;
	return timingSafeEqual(Buffer.from(given, 'base64url'), seal(text, key)) ? text : null;
}

/** The name of the browser that asks, if whoever has this login has signed in there before. */
export function knownBrowser(req: Request, directory: Directory, login: string): string | null {
	const value = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(req.headers.cookie ?? '')?.[1];
	const user = value === undefined ? null : directory.byLogin(login);
	const key = user === null ? null : directory.keyOf(user);
	return value === undefined || user === null || key === null ? null : readKnown(value, user, key, Date.now());
}

export function rememberBrowser(res: Response, directory: Directory, user: string): void {
	const key = directory.keyOf(user);
	if (key === null) return;
	const value = knownValue(user, key, Date.now());
	res.cookie(COOKIE, value, { path: '/', secure: true, httpOnly: true, sameSite: 'lax', maxAge: KEEP_MS });
}
