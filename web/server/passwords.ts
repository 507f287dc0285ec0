/**
 * Passwords: argon2id of node:crypto (19 MiB, 2 passes), as PHC strings; tokens: 256 random bits, of which tables hold
 * the SHA-256. At most two hashes are computed at once, and a queue that is too long is refused: a flood of logins may
 * take neither the processor nor the memory.
 */
import { argon2, createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const MEMORY_KIB = 19 * 1024;
const PASSES = 2;
const AT_ONCE = 2;
/** So that somebody who is known waits for one stranger at most. */
const STRANGERS_AT_ONCE = 1;
const MAX_WAITING = 50;

export class Busy extends Error {}

interface Parameters {
	memory: number;
	passes: number;
	parallelism: number;
	salt: Buffer;
	length: number;
}

function compute(password: string, p: Parameters): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		argon2(
			'argon2id',
			{
				message: Buffer.from(password.normalize('NFKC')),
				nonce: p.salt,
				parallelism: p.parallelism,
				tagLength: p.length,
				memory: p.memory,
				passes: p.passes,
			},
			(error, key) => (error ? reject(error) : resolve(key)),
		);
	});
}

/** Whose password it is: of somebody who is known here (signed in, or in a browser where they have been), or of a stranger. */
export type Standing = 'known' | 'stranger';

const running = { known: 0, stranger: 0 };
const waiting: Record<Standing, (() => void)[]> = { known: [], stranger: [] };

const isFree = (who: Standing) =>
	running.known + running.stranger < AT_ONCE && (who === 'known' || running.stranger < STRANGERS_AT_ONCE);

/** Who is known goes first. */
function next(): void {
	for (const who of ['known', 'stranger'] as const)
		while (waiting[who].length > 0 && isFree(who)) {
			running[who]++;
			waiting[who].shift()?.();
		}
}

async function inTurn<T>(who: Standing, work: () => Promise<T>): Promise<T> {
	if (waiting[who].length >= MAX_WAITING) throw new Busy('too many logins at once');
	await new Promise<void>((go) => {
		waiting[who].push(go);
		next();
	});
	try {
		return await work();
	} finally {
		running[who]--;
		next();
	}
}

const b64 = (b: Buffer) => b.toString('base64').replace(/=+$/, '');

export async function hashPassword(password: string): Promise<string> {
	const salt = randomBytes(16);
	const key = await inTurn('known', () =>
		compute(password, { memory: MEMORY_KIB, passes: PASSES, parallelism: 1, salt, length: 32 }),
	);
	return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=1$${b64(salt)}$${b64(key)}`;
}

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

export async function verifyPassword(password: string, phc: string, who: Standing): Promise<boolean> {
	const m = PHC.exec(phc);
	if (m === null) return false;
	const want = Buffer.from(m[5] ?? '', 'base64');
	const p = {
		memory: Number(m[1]),
		passes: Number(m[2]),
		parallelism: Number(m[3]),
		salt: Buffer.from(m[4] ?? '', 'base64'),
		length: want.length,
	};
	return timingSafeEqual(await inTurn(who, () => compute(password, p)), want);
}

/** Somebody who isn't there costs the same time as somebody who is. */
export const NOBODY = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=1$${b64(randomBytes(16))}$${b64(randomBytes(32))}`;

export function newToken(): { token: string; hash: Buffer } {
	const token = randomBytes(32).toString('base64url');
	return { token, hash: hashToken(token) };
}

export function hashToken(token: string): Buffer {
	return createHash('sha256').update(token).digest();
}
