/**
 * DATABASE_URL and DATABASE_READ_URL as libpq takes them: a URI, or words like host=... dbname=... , with several hosts, and
 * with its ways to encrypt (libpq, 32.19 "SSL Support").
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ClientConfig } from 'pg';
import { ConfigError } from './config.ts';

/** Parameters of libpq that this driver knows by other names. Others are refused, so that none is silently dropped. */
const IGNORED = new Set(['application_name', 'connect_timeout', 'keepalives', 'keepalives_idle', 'channel_binding']);

function words(key: string, text: string): Map<string, string> {
	const found = new Map<string, string>();
	const pattern = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gy;
	let end = 0;
	for (const m of text.matchAll(pattern)) {
		found.set(m[1] ?? '', (m[2] ?? m[3] ?? '').replace(/\\(.)/g, '$1'));
		end = m.index + m[0].length;
	}
	// Nothing of it is said: it may hold a password.
	if (text.slice(end).trim() !== '') throw new ConfigError(`${key}: neither a URI nor words of the form name=value`);
	return found;
}

function uri(key: string, text: string): Map<string, string> {
	const m = /^postgres(?:ql)?:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(text);
	if (m === null) throw new ConfigError(`${key}: not a URI; a / or @ in the password is written %2F or %40`);
	const found = new Map<string, string>();
	const put = (name: string, value: string | undefined) => {
		if (value === undefined || value === '') return;
		try {
			found.set(name, decodeURIComponent(value));
		} catch {
			throw new ConfigError(`${key}: a % that stands for itself is written %25`);
		}
	};
	const hosts = (m[3] ?? '').split(',').map((h) => /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(h));
	if (hosts.some((h) => h === null)) throw new ConfigError(`${key}: a host and port that are none`);
	put('user', m[1]);
	put('password', m[2]);
	put('host', hosts.map((h) => (h?.[1] ?? '').replace(/^\[|\]$/g, '')).join(','));
	if (hosts.some((h) => h?.[2] !== undefined)) put('port', hosts.map((h) => h?.[2] ?? '').join(','));
	put('dbname', m[4]);
	for (const pair of (m[5] ?? '').split('&').filter((p) => p !== '')) {
		const at = pair.indexOf('=');
		put(pair.slice(0, at), pair.slice(at + 1));
	}
	return found;
}

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** How one host is connected to. */
export interface HostConfig extends ClientConfig {
	/** Encrypted where the server can, else not: the sslmode prefer, which is also that of nobody's choice. */
	plainWillDo: boolean;
}

function pem(key: string, name: string, path: string | undefined): string | undefined {
	if (path === undefined) return undefined;
	try {
		return readFileSync(path, 'utf8');
	} catch {
		throw new ConfigError(`${key}: ${name} names a file that can't be read: ${path}`);
	}
}

/** `name`: what the certificate must be made out to. A Unix socket needs no encryption. */
function tlsOf(key: string, p: Map<string, string>, name: string): Pick<HostConfig, 'ssl' | 'plainWillDo'> {
	const said = p.get('sslmode') ?? 'prefer';
	const mode = MODES.find((m) => m === said);
	if (mode === undefined) throw new ConfigError(`${key}: sslmode is ${MODES.join(', ')}`);
	if (mode === 'disable' || name.startsWith('/')) return { ssl: false, plainWillDo: false };
	const ca = pem(key, 'sslrootcert', p.get('sslrootcert'));
	const checks = mode.startsWith('verify') || (mode === 'require' && ca !== undefined);
	return {
		ssl: {
			host: name,
			ca,
			cert: pem(key, 'sslcert', p.get('sslcert')),
			key: pem(key, 'sslkey', p.get('sslkey')),
			rejectUnauthorized: checks,
			...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
		},
		plainWillDo: mode === 'allow' || mode === 'prefer',
	};
}

const SESSIONS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

export interface Target {
	/** One configuration for each host, in their order. */
	hosts: HostConfig[];
	/** target_session_attrs: which of them will do. */
	wanted: (typeof SESSIONS)[number];
}

const ENCRYPTION = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'gssencmode'];
const KNOWN = [
	'host',
	'hostaddr',
	'port',
	'dbname',
	'user',
	'password',
	'options',
	'target_session_attrs',
	...ENCRYPTION,
];

/** What the value of this key of the configuration says. */
export function databaseTarget(key: string, url: string, env: Record<string, string | undefined> = {}): Target {
	const p = /^postgres(ql)?:\/\//.test(url) ? uri(key, url) : words(key, url);
	for (const name of p.keys())
		if (!KNOWN.includes(name) && !IGNORED.has(name)) throw new ConfigError(`${key}: ${name} is not known here`);
	// This driver has no GSSAPI: whoever would do without gets what they want.
	if (!['disable', 'prefer'].includes(p.get('gssencmode') ?? 'prefer'))
		throw new ConfigError(`${key}: gssencmode is disable or prefer; encryption is by TLS alone here`);
	const attrs = p.get('target_session_attrs') ?? env.PGTARGETSESSIONATTRS ?? 'any';
	const wanted = SESSIONS.find((s) => s === attrs);
	if (wanted === undefined) throw new ConfigError(`${key}: target_session_attrs is ${SESSIONS.join(', ')}`);
	const user = p.get('user') ?? env.PGUSER ?? userInfo().username;
	const ports = (p.get('port') ?? env.PGPORT ?? '5432').split(',');
	const names = (p.get('hostaddr') ?? p.get('host') ?? env.PGHOST ?? '/run/postgresql').split(',');
	const written = (p.get('host') ?? '').split(',');
	const hosts = names.map((said, i) => {
		const host = said === '' ? '/run/postgresql' : said;
		const config: HostConfig = {
			host,
			port: Number(ports[i] ?? ports[0] ?? 5432) || 5432,
			database: p.get('dbname') ?? env.PGDATABASE ?? user,
			user,
			...tlsOf(key, p, (p.has('hostaddr') && written[i]) || host),
		};
		const password = p.get('password') ?? env.PGPASSWORD;
		if (password !== undefined) config.password = password;
		const options = p.get('options');
		if (options !== undefined) config.options = options;
		return config;
	});
	return { hosts, wanted };
}
