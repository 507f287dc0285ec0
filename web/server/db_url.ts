/**
 * DATABASE_URL as libpq takes it: a URI, or words like host=... dbname=... . Several hosts are tried in turn. Pure.
 */
import { userInfo } from 'node:os';
import type { ClientConfig } from 'pg';
import { ConfigError } from './config.ts';

/** Parameters of libpq that this driver knows by other names. Others are refused, so that none is silently dropped. */
const IGNORED = new Set(['application_name', 'connect_timeout', 'keepalives', 'keepalives_idle', 'channel_binding']);

function words(text: string): Map<string, string> {
	const found = new Map<string, string>();
	const pattern = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gy;
	let end = 0;
	for (const m of text.matchAll(pattern)) {
		found.set(m[1] ?? '', (m[2] ?? m[3] ?? '').replace(/\\(.)/g, '$1'));
		end = m.index + m[0].length;
	}
	// Nothing of it is said: it may hold a password.
	if (text.slice(end).trim() !== '')
		throw new ConfigError('DATABASE_URL: neither a URI nor words of the form name=value');
	return found;
}

function uri(text: string): Map<string, string> {
	const m = /^postgres(?:ql)?:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(text);
	if (m === null) throw new ConfigError('DATABASE_URL: not a URI; a / or @ in the password is written %2F or %40');
	const found = new Map<string, string>();
	const put = (name: string, value: string | undefined) => {
		if (value === undefined || value === '') return;
		try {
			found.set(name, decodeURIComponent(value));
		} catch {
			throw new ConfigError('DATABASE_URL: a % that stands for itself is written %25');
		}
	};
	const hosts = (m[3] ?? '').split(',').map((h) => /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(h));
	if (hosts.some((h) => h === null)) throw new ConfigError('DATABASE_URL: a host and port that are none');
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

function sslOf(mode: string | undefined): ClientConfig['ssl'] {
	switch (mode) {
		case undefined:
		case 'disable':
		case 'allow':
		case 'prefer':
			return false;
		case 'require':
			return { rejectUnauthorized: false };
		case 'verify-ca':
		case 'verify-full':
			return true;
		default:
			throw new ConfigError('DATABASE_URL: sslmode is disable, prefer, require, verify-ca or verify-full');
	}
}

/** One configuration for each host, in their order. */
export function databaseHosts(url: string, env: Record<string, string | undefined> = {}): ClientConfig[] {
	const p = /^postgres(ql)?:\/\//.test(url) ? uri(url) : words(url);
	const known = [
		'host',
		'hostaddr',
		'port',
		'dbname',
		'user',
		'password',
		'sslmode',
		'options',
		'target_session_attrs',
	];
	for (const name of p.keys())
		if (!known.includes(name) && !IGNORED.has(name)) throw new ConfigError(`DATABASE_URL: ${name} is not known here`);
	const user = p.get('user') ?? env.PGUSER ?? userInfo().username;
	const ports = (p.get('port') ?? env.PGPORT ?? '5432').split(',');
	const hosts = (p.get('hostaddr') ?? p.get('host') ?? env.PGHOST ?? '/run/postgresql').split(',');
	return hosts.map((host, i) => {
		const config: ClientConfig = {
			host: host === '' ? '/run/postgresql' : host,
			port: Number(ports[i] ?? ports[0] ?? 5432) || 5432,
			database: p.get('dbname') ?? env.PGDATABASE ?? user,
			user,
			ssl: sslOf(p.get('sslmode')),
		};
		const password = p.get('password') ?? env.PGPASSWORD;
		if (password !== undefined) config.password = password;
		const options = p.get('options');
		if (options !== undefined) config.options = options;
		return config;
	});
}
