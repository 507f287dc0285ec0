// What comes from outside as words: the command line, the configuration, the database's URL, notices, templates.
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseArguments, UsageError } from '../../server/cli.ts';
import { fillTemplate } from '../../shared/template_text.ts';
import { ConfigError, parseConfig, parseFile } from '../../server/config.ts';
import { SCHEMA_VERSION } from '../../server/db.ts';
import { databaseTarget } from '../../server/db_url.ts';
import { parseCommands, parseNotice } from '../../server/fleet/notices.ts';
import { isOwnOrigin, scopeAllows } from '../../server/http/identify.ts';
import { addressKey } from '../../server/login_limits.ts';

describe('the command line', () => {
	it.each([
		[[], { what: 'serve', config: undefined }],
		[['-c', 'x'], { what: 'serve', config: 'x' }],
		[['-t', '--config=x'], { what: 'test', config: 'x' }],
		[['--help'], { what: 'help', config: undefined }],
		[['admin', 'create', '--login', 'a', '--name', 'b'], { what: 'admin', config: undefined, login: 'a', name: 'b' }],
		[['link', '--login', 'a'], { what: 'link', config: undefined, login: 'a', url: undefined }],
		[['setup', '--url=https://x'], { what: 'setup', config: undefined, url: 'https://x' }],
	])('%j', (args, command) => {
		expect(parseArguments(args)).toEqual(command);
	});
	it.each([[['-c']], [['-x']], [['admin']], [['admin', 'create']], [['setup', '--login', 'a']], [['serve', 'now']]])(
		'refuses %j',
		(args) => {
			expect(() => parseArguments(args)).toThrow(UsageError);
		},
	);
});

describe('the configuration', () => {
	const url = { DATABASE_URL: 'dbname=x' };
	it('takes lines, and the environment wins', () => {
		const file = parseFile('# a comment\n\nWEB_PORT=1\nDATABASE_URL=a=b c=d\n', 'web.conf');
		expect(file).toEqual({ WEB_PORT: '1', DATABASE_URL: 'a=b c=d' });
		expect(parseConfig(file, { WEB_PORT: '2' })).toMatchObject({
			WEB_PORT: 2,
			DATABASE_URL: 'a=b c=d',
			transport: 'loopback',
		});
	});
	it.each(['WEB_PORT', '=x', 'WEB_PROT=1', 'WEB_PORT=1\nWEB_PORT=2', ' lower=1'])('refuses the line %j', (text) => {
		expect(() => parseFile(text, 'web.conf')).toThrow(/^web\.conf:[12]: /);
	});
	it.each([
		['DATABASE_URL', {}],
		['WEB_PORT', { WEB_PORT: '65536' }],
		['WEB_BIND', { WEB_BIND: 'localhost' }],
		['WEB_BIND', { WEB_BIND: '0.0.0.0' }],
		['WEB_TLS_CERT', { WEB_TLS_CERT: '/x' }],
		['WEB_TRUST_PROXY', { WEB_TRUST_PROXY: 'proxy' }],
		['WEB_GATEWAYS', { WEB_GATEWAYS: 'gw1' }],
		['WEB_HSTS', { WEB_HSTS: 'yes' }],
	])('names %s for %j', (key, keys) => {
		const wrong = () => parseConfig({}, key === 'DATABASE_URL' ? keys : { ...url, ...keys });
		expect(wrong).toThrow(ConfigError);
		expect(wrong).toThrow(key);
	});
	it.each([
		['loopback', { WEB_BIND: '::1' }],
		['tls', { WEB_BIND: '0.0.0.0', WEB_TLS_CERT: '/c', WEB_TLS_KEY: '/k' }],
		['proxy', { WEB_BIND: '10.0.0.1', WEB_TRUST_PROXY: '10.0.0.2, 10.1.0.0/16' }],
	])('is reached by %s with %j', (transport, keys) => {
		expect(parseConfig({}, { ...url, ...keys }).transport).toBe(transport);
	});
	it('knows gateways', () => {
		expect(parseConfig({}, { ...url, WEB_GATEWAYS: 'a=http://h:1/, b=https://i' }).gateways).toEqual([
			{ name: 'a', url: 'http://h:1' },
			{ name: 'b', url: 'https://i' },
		]);
	});
});

describe('the URL of the database', () => {
	it.each([
		[
			'postgresql://u:p%40s@h:6432/d?sslmode=require',
			{ host: 'h', port: 6432, user: 'u', password: 'p@s', database: 'd' },
		],
		['postgresql:///d?host=/run/x&user=u', { host: '/run/x', port: 5432, user: 'u', database: 'd' }],
		[
			"host=/s port=1 dbname='a b' user=u password='it\\'s'",
			{ host: '/s', port: 1, user: 'u', password: "it's", database: 'a b' },
		],
		['postgres://u@[::1]:7/d', { host: '::1', port: 7, user: 'u', database: 'd' }],
	])('%s', (text, want) => {
		expect(databaseTarget('DATABASE_URL', text).hosts[0]).toMatchObject(want);
	});
	it.each([
		['host=db', true, false],
		['host=db sslmode=allow', true, false],
		['host=db sslmode=require', false, false],
		['host=db sslmode=verify-full', false, true],
		['host=10.1.2.3 hostaddr=10.1.2.3 sslmode=verify-ca', false, true],
	])('%s is encrypted', (text, plainWillDo, rejectUnauthorized) => {
		expect(databaseTarget('DATABASE_URL', text).hosts[0]).toMatchObject({ plainWillDo, ssl: { rejectUnauthorized } });
	});
	it.each(['host=/run/x sslmode=require', 'host=db sslmode=disable'])('%s is not', (text) => {
		expect(databaseTarget('DATABASE_URL', text).hosts[0]).toMatchObject({ plainWillDo: false, ssl: false });
	});
	it('looks for the name in the certificate, not for the address', () => {
		const both = 'hostaddr=10.1.2.3,10.1.2.4 host=a,b sslmode=verify-full';
		expect(databaseTarget('DATABASE_URL', both).hosts.map((h) => [h.host, h.ssl])).toMatchObject([
			['10.1.2.3', { host: 'a' }],
			['10.1.2.4', { host: 'b' }],
		]);
	});
	it.each(['sslmode=sometimes', 'host=db sslrootcert=/no/such/file'])('refuses %s', (text) => {
		expect(() => databaseTarget('DATABASE_URL', text)).toThrow(/^DATABASE_URL: ssl/);
	});
	it('takes that there is no GSSAPI, and refuses to be without it where it must be', () => {
		const target = databaseTarget('DATABASE_URL', 'host=db gssencmode=disable');
		expect(target.hosts.map((h) => h.host)).toEqual(['db']);
		expect(() => databaseTarget('DATABASE_URL', 'host=db gssencmode=require')).toThrow(/^DATABASE_URL: gssencmode/);
	});
	it('knows several hosts', () => {
		const target = databaseTarget('DATABASE_URL', 'postgresql://u@a,b:7/d?target_session_attrs=read-write');
		expect(target.hosts.map((h) => [h.host, h.port])).toEqual([
			['a', 5432],
			['b', 7],
		]);
		expect(target.wanted).toBe('read-write');
		expect(databaseTarget('DATABASE_URL', 'dbname=d').wanted).toBe('any');
	});
	it.each([
		'postgresql://u:se/cret@h/d',
		'password=secret nonsense',
		'postgresql://h/d?pasword=secret',
		'dbname=%zz host',
		'dbname=secret target_session_attrs=best',
	])('refuses %s, and never quotes it', (text) => {
		expect(() => databaseTarget('DATABASE_READ_URL', text)).toThrow(/^DATABASE_READ_URL: /);
		expect(() => databaseTarget('DATABASE_URL', text)).toThrow(ConfigError);
		expect(() => databaseTarget('DATABASE_URL', text)).not.toThrow(/cret/);
	});
});

describe('notices', () => {
	it('are read', () => {
		expect(parseNotice('device:1,22')).toEqual({ kind: 'device', ids: ['1', '22'] });
		expect(parseNotice('user:*')).toEqual({ kind: 'user', ids: '*' });
		expect(parseCommands('1:sent,2:acked,*')).toEqual({
			changes: [
				{ id: '1', status: 'sent' },
				{ id: '2', status: 'acked' },
			],
			more: true,
		});
	});
	it.each(['', 'device', 'device:', 'device:1,', 'device:x', 'tree:1', 'device:1;2', `user:1,${'9'.repeat(19)}`])(
		'refuses %j',
		(text) => {
			expect(parseNotice(text)).toBe(null);
		},
	);
	it.each(['', '1', '1:gone', 'x:sent', '1:sent,,', `1:sent,${'9'.repeat(19)}:sent`])(
		'refuses the commands %j',
		(text) => {
			expect(parseCommands(text)).toBe(null);
		},
	);
});

describe('templates', () => {
	const parameters = [
		{ name: 'apn', type: 'text' as const },
		{ name: 'n', type: 'number' as const, min: 1, max: 9 },
		{ name: 'way', type: 'choice' as const, choices: ['on', 'off'] },
	];
	const fill = (given: Record<string, string>) => fillTemplate('setparam {apn}:{n}:{way}:{n}', parameters, given);
	it('are filled', () => {
		expect(fill({ apn: 'a$&b', n: '7', way: 'on' })).toEqual({ text: 'setparam a$&b:7:on:7' });
	});
	it('take a value that looks like a parameter as it is', () => {
		expect(fill({ apn: '{n}{way}', n: '7', way: 'on' })).toEqual({ text: 'setparam {n}{way}:7:on:7' });
	});
	it('ask for a parameter whose name every object has', () => {
		const fillIt = (given: Record<string, string>) =>
			fillTemplate('{constructor}', [{ name: 'constructor', type: 'text' }], given);
		expect(fillIt({})).toMatchObject({ field: 'parameters.constructor', message: 'needed' });
		expect(fillIt({ constructor: 'x' })).toEqual({ text: 'x' });
	});
	it.each([
		['apn', { n: '7', way: 'on' }],
		['apn', { apn: 'a;b', n: '7', way: 'on' }],
		['apn', { apn: 'ž', n: '7', way: 'on' }],
		['n', { apn: 'a', n: '10', way: 'on' }],
		['n', { apn: 'a', n: '1e1', way: 'on' }],
		['way', { apn: 'a', n: '7', way: 'up' }],
		['extra', { apn: 'a', n: '7', way: 'on', extra: '' }],
	])('name %s for %j', (field, given) => {
		expect(fill(given)).toMatchObject({ field: `parameters.${field}` });
	});
});

it.each([
	['1.2.3.4', '1.2.3.4'],
	['::ffff:1.2.3.4', '1.2.3.4'],
	['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
	['2001:db8::1', '2001:db8:0:0::/64'],
	['::1', '0:0:0:0::/64'],
])('the key of the address %s is %s', (address, key) => {
	expect(addressKey(address)).toBe(key);
});

it('knows its own origin', () => {
	expect(isOwnOrigin('http://h:1', 'h:1', false)).toBe(true);
	for (const [origin, host, secure] of [
		['http://h:1', 'h:1', true],
		['http://h', 'h:1', false],
		['null', 'h:1', false],
		[undefined, 'h:1', false],
	] as const)
		expect(isOwnOrigin(origin, host, secure)).toBe(false);
});

it('needs the schema of the newest migration', () => {
	const folder = new URL('../../../migrations/', import.meta.url);
	const newest = Math.max(...readdirSync(folder).map((name) => Number(/^(\d{4})_.*\.sql$/.exec(name)?.[1] ?? 0)));
	expect(SCHEMA_VERSION).toBe(newest);
});

it.each([
	[['read'], 'GET', true],
	[['read'], 'HEAD', true],
	[['read'], 'POST', false],
	[['write'], 'DELETE', true],
	[['write'], 'GET', true],
	[[], 'GET', false],
	[['toString'], 'GET', false],
])('a token of the scopes %j may %s: %s', (scopes, method, may) => {
	expect(scopeAllows(scopes, method)).toBe(may);
});
