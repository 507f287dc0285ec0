/**
 * Who a request comes from. Behind a proxy that WEB_TRUST_PROXY names, what it says counts (X-Forwarded-For,
 * X-Forwarded-Proto); what anybody else says of themselves doesn't. For requests and for sockets alike.
 */
import { BlockList, isIP } from 'node:net';

const bareOf = (address: string) => address.replace(/^::ffff:/i, '');
const family = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Of a list of addresses and networks, which config.ts has checked. */
export class Proxies {
	readonly #list = new BlockList();

	constructor(trusted: readonly string[]) {
		for (const entry of trusted) {
			const [address = '', bits] = entry.split('/');
			if (bits === undefined) this.#list.addAddress(address, family(address));
			else this.#list.addSubnet(address, Number(bits), family(address));
		}
	}

	isTrusted(peer: string): boolean {
		const bare = bareOf(peer);
		return isIP(bare) !== 0 && this.#list.check(bare, family(bare));
	}

	/** From the peer backwards through what proxies have added, up to the first that is none of ours. */
	clientOf(peer: string, forwardedFor: string | undefined): string {
		const said = (forwardedFor ?? '').split(',').map((a) => bareOf(a.trim()));
		let at = bareOf(peer);
		for (let before = said.pop(); before !== undefined && this.isTrusted(at); before = said.pop()) {
			if (isIP(before) === 0) break;
			at = before;
		}
		return at;
	}

	/** Did it come to our proxy encrypted? */
	isEncrypted(peer: string, forwardedProto: string | undefined): boolean {
		return this.isTrusted(peer) && forwardedProto?.split(',')[0]?.trim() === 'https';
	}
}
