// Whose word counts for where a request comes from: that of the proxies that are named, and of nobody else.
import { describe, expect, it } from 'vitest';
import { Proxies } from '../../server/http/client_address.ts';

const proxies = new Proxies(['10.0.0.5', '10.1.0.0/16', 'fd00::/8']);

describe('the address of a client', () => {
	it.each([
		['nobody says anything', '10.0.0.5', undefined, '10.0.0.5'],
		['a proxy of ours says it', '10.0.0.5', '192.0.2.7', '192.0.2.7'],
		['the client has lied to it', '10.0.0.5', '6.6.6.6, 192.0.2.7', '192.0.2.7'],
		['two proxies of ours', '10.0.0.5', '192.0.2.7, 10.1.2.3', '192.0.2.7'],
		['somebody says it of themselves', '192.0.2.9', '6.6.6.6', '192.0.2.9'],
		['a proxy of ours by IPv6', 'fd12::1', '2001:db8::7', '2001:db8::7'],
		['IPv4 on a socket of IPv6', '::ffff:10.0.0.5', '192.0.2.7', '192.0.2.7'],
		['no address', '10.0.0.5', 'unknown', '10.0.0.5'],
		['an empty header', '10.0.0.5', '', '10.0.0.5'],
	])('%s', (_, peer, said, want) => {
		expect(proxies.clientOf(peer, said)).toBe(want);
	});
});

it.each([
	['10.0.0.5', 'https', true],
	['10.0.0.5', 'http', false],
	['10.0.0.5', undefined, false],
	['192.0.2.9', 'https', false],
	['nothing', 'https', false],
])('from %s by %s: encrypted %s', (peer, proto, want) => {
	expect(proxies.isEncrypted(peer, proto)).toBe(want);
});
