/** Text as it is searched and ordered, the same on the server and in the browser. */

/** Lower case without accents: "Šiauliai" is found by "siau". */
export function fold(text: string): string {
	return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** The words of a search; all of them must be found. */
export function wordsOf(query: string): string[] {
	return fold(query)
		.split(/\s+/)
		.filter((word) => word !== '');
}

/** What is typed to confirm a command of one's own words. */
export function firstWord(text: string): string {
	return text.trim().split(/\s/, 1)[0] ?? '';
}

/** Names that are longer share a place in the order. */
const MOST = 60;

/** Compared character by character, this gives the order that people expect: "Truck 9" stands before "Truck 10". */
export function orderKey(text: string): string {
	const plain = fold(text.slice(0, MOST));
	// The number of digits in front of each number: the longer, the greater.
	return plain.replace(/0*(\d+)/g, (_, digits: string) => String.fromCharCode(0x30 + digits.length) + digits);
}
