/**
 * Runs in the map's workers, so that the page's own thread has nothing to do with the base map: addresses like
 * `base://land?ADDRESS` are parts of the countries that ADDRESS has.
 */
import { parts, unpack, type Countries } from './base_data.ts';

declare const self: {
	addProtocol: (scheme: string, load: (request: { url: string }) => Promise<{ data: unknown }>) => void;
};

/** By address. Unpacking changes nothing of them. */
const kept = new Map<string, Promise<Countries>>();

async function fetched(address: string): Promise<Countries> {
	const response = await fetch(address);
	if (!response.ok) throw new Error(`the base map: the server said ${response.status}`);
	// Our own file of the same build: its form is checked by the build.
	return (await response.json()) as Countries;
}

function countriesOf(address: string): Promise<Countries> {
	const known = kept.get(address) ?? fetched(address);
	kept.set(address, known);
	known.catch(() => kept.delete(address));
	return known;
}

self.addProtocol('base', async ({ url }) => {
	const [, named, address = ''] = /^base:\/\/([a-z]+)\/?\?(.+)$/.exec(url) ?? [];
	const part = parts.find((p) => p === named);
	if (part === undefined) throw new Error(`not a part of the base map: ${url}`);
	return { data: unpack(await countriesOf(decodeURIComponent(address)), part) };
});
