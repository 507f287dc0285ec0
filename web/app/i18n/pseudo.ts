/**
 * A language for tests: English in brackets and with accents, a third longer. What shows without brackets is a text that no
 * translator can reach; what is cut off has no room for German.
 */
const accents: Record<string, string> = { a: 'á', e: 'é', i: 'í', o: 'ó', u: 'ú', c: 'ç', n: 'ñ', y: 'ý' };

export type Tree = { [key: string]: string | Tree };

function longer(text: string): string {
	const said = text.replace(/\{\{[^}]+\}\}|[aeioucny]/g, (c) => accents[c] ?? c);
	return `⟦${said}${'·'.repeat(Math.ceil(text.length / 3))}⟧`;
}

export function pseudo(texts: Tree): Tree {
	return Object.fromEntries(
		Object.entries(texts).map(([key, said]) => [key, typeof said === 'string' ? longer(said) : pseudo(said)]),
	);
}
