/**
 * The configuration: NAME=value lines of a file (web.conf), and the same names in the environment, which win. Pure: text
 * and environment in, settings or sentences out.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { DEFAULT_FILE } from './version.ts';

export class ConfigError extends Error {}

const port = z.coerce.number('a number').int('a whole number').min(0, '0 to 65535').max(65535, '0 to 65535');
const address = z.string().refine((s) => isIP(s) !== 0, 'an IP address');
const count = (min: number, max: number) => {
	const says = `a whole number, ${min} to ${max}`;
	return z.coerce.number(says).int(says).min(min, says).max(max, says);
};
const flag = z.enum(['true', 'false'], 'true or false').transform((s) => s === 'true');
const words = z.string().transform((s) =>
	s
		.split(',')
		.map((w) => w.trim())
		.filter((w) => w !== ''),
);

/** Keys of the configuration, each with what holds without it. etc/web.conf.sample says the same in words. */
const Keys = z.object({
	DATABASE_URL: z.string('needed: the database, as a URI or as host=... dbname=...').min(1),
	DATABASE_READ_URL: z.string().optional(),
	WEB_BIND: address.default('127.0.0.1'),
	WEB_PORT: port.default(8080),
	WEB_TLS_CERT: z.string().optional(),
	WEB_TLS_KEY: z.string().optional(),
	WEB_TRUST_PROXY: words.default([]),
	WEB_HSTS: flag.default(false),
	WEB_METRICS_BIND: address.default('127.0.0.1'),
	WEB_METRICS_PORT: port.default(9095),
	WEB_POOL: count(2, 100).default(10),
	WEB_SESSION_IDLE_HOURS: count(1, 720).default(12),
	WEB_SESSION_MAX_DAYS: count(1, 366).default(7),
	WEB_REQUESTS_PER_MINUTE: count(10, 1_000_000).default(1500),
	WEB_GATEWAYS: words.default([]),
	WEB_TGCTL: z.string().optional(),
	WEB_MAP_STYLE: z.string().optional(),
	WEB_LOG_FILE: z.string().optional(),
	WEB_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'debug, info, warn or error').default('info'),
	WEB_PIDFILE: z.string().optional(),
	WEB_STATIC_DIR: z.string().optional(),
});

export interface Config extends z.infer<typeof Keys> {
	/** How users reach it: its own certificate, a proxy in front, or this host alone. */
	transport: 'tls' | 'proxy' | 'loopback';
	/** Gateways to ask for their /status, by name. */
	gateways: { name: string; url: string }[];
}

/** What may be passwords, or leads to a key; the others may be shown to an administrator. */
const SECRET = new Set(['DATABASE_URL', 'DATABASE_READ_URL', 'WEB_TLS_KEY']);

/** Each key with what holds, as it would be written; null: it isn't set, or is not shown. */
export function configurationOf(
	config: Config,
): { key: string; value: string | null; set: boolean; secret: boolean }[] {
	const without = Keys.parse({ DATABASE_URL: '-' });
	return (Object.keys(Keys.shape) as (keyof typeof Keys.shape)[]).map((key) => {
		const value = config[key];
		const written = value === undefined || String(value) === '' ? null : String(value);
		const secret = SECRET.has(key);
		return { key, value: secret ? null : written, set: String(value) !== String(without[key]), secret };
	});
}

/** NAME=value a line; # begins a comment line; values are taken whole. */
export function parseFile(text: string, name: string): Record<string, string> {
	const found: Record<string, string> = {};
	text.split('\n').forEach((line, i) => {
		const bare = line.trim();
		if (bare === '' || bare.startsWith('#')) return;
		const at = bare.indexOf('=');
		const key = bare.slice(0, at);
		if (at < 1 || !/^[A-Z_0-9]+$/.test(key))
			throw new ConfigError(`${name}:${i + 1}: not a line of the form NAME=value`);
		if (!(key in Keys.shape)) throw new ConfigError(`${name}:${i + 1}: ${key} is not a key of this program`);
		if (key in found) throw new ConfigError(`${name}:${i + 1}: ${key} stands there twice`);
		found[key] = bare.slice(at + 1);
	});
	return found;
}

function isLoopback(ip: string): boolean {
	return ip === '::1' || ip.startsWith('127.');
}

function transportOf(c: z.infer<typeof Keys>): Config['transport'] {
	if ((c.WEB_TLS_CERT === undefined) !== (c.WEB_TLS_KEY === undefined))
		throw new ConfigError('WEB_TLS_CERT and WEB_TLS_KEY: one is there without the other');
	if (c.WEB_TLS_CERT !== undefined) return 'tls';
	if (c.WEB_TRUST_PROXY.length > 0) return 'proxy';
	if (isLoopback(c.WEB_BIND)) return 'loopback';
	throw new ConfigError(
		`WEB_BIND=${c.WEB_BIND} would serve passwords in clear: give WEB_TLS_CERT and WEB_TLS_KEY, or name the proxy that ` +
			'encrypts in WEB_TRUST_PROXY, or bind to 127.0.0.1',
	);
}

function gatewaysOf(list: string[]): Config['gateways'] {
	return list.map((entry) => {
		const [, name, url] = /^([^=]+)=(https?:\/\/.+)$/.exec(entry) ?? [];
		if (name === undefined || url === undefined || !URL.canParse(url))
			throw new ConfigError(`WEB_GATEWAYS: "${entry}" is not of the form name=http://host:port`);
		return { name, url: url.replace(/\/$/, '') };
	});
}

export function parseConfig(file: Record<string, string>, env: Record<string, string | undefined>): Config {
	const raw: Record<string, string> = {};
	for (const key of Object.keys(Keys.shape)) {
		const value = env[key] ?? file[key];
		if (value !== undefined && value !== '') raw[key] = value;
	}
	const parsed = Keys.safeParse(raw);
	if (!parsed.success) {
		const [issue] = parsed.error.issues;
		throw new ConfigError(`${String(issue?.path[0])}: ${issue?.message ?? 'wrong'}`);
	}
	const keys = parsed.data;
	for (const proxy of keys.WEB_TRUST_PROXY)
		if (!/^[0-9a-fA-F.:]+(\/\d{1,3})?$/.test(proxy) || isIP(proxy.replace(/\/.*/, '')) === 0)
			throw new ConfigError(`WEB_TRUST_PROXY: "${proxy}" is neither an address nor a network`);
	return { ...keys, transport: transportOf(keys), gateways: gatewaysOf(keys.WEB_GATEWAYS) };
}

/** Reads the file; the default one may be missing. */
export function loadConfig(path: string | undefined, env: Record<string, string | undefined>): Config {
	let text = '';
	try {
		text = readFileSync(path ?? DEFAULT_FILE, 'utf8');
	} catch (error) {
		const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
		if (path !== undefined || (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EACCES'))
			throw new ConfigError(`${path ?? DEFAULT_FILE}: can't be read (${code})`);
	}
	return parseConfig(parseFile(text, path ?? DEFAULT_FILE), env);
}
