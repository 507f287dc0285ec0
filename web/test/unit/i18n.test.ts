/** Every language says all that English says, with the same values in it, in all forms of its plural. */
import { describe, expect, test } from 'vitest';
import { de } from '../../app/i18n/de/index.ts';
import { en } from '../../app/i18n/en/index.ts';
import { pl } from '../../app/i18n/pl/index.ts';
import { pseudo, type Tree } from '../../app/i18n/pseudo.ts';

function flat(texts: Tree, at = ''): Map<string, string> {
	return new Map(
		Object.entries(texts).flatMap(([key, said]): [string, string][] =>
			typeof said === 'string' ? [[at + key, said]] : [...flat(said, `${at}${key}.`)],
		),
	);
}

const values = (text: string) => [...text.matchAll(/\{\{([^}]+)\}\}/g)].map((m) => m[1]).sort();
const english = flat(en);

describe.each([
	['de', flat(de)],
	['pl', flat(pl)],
])('%s', (language, said) => {
	const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
	const wanted = [...english.keys()].flatMap((key) =>
		key.endsWith('_other')
			? forms.map((form) => key.replace(/other$/, form))
			: key.endsWith('_one') && english.has(key.replace(/one$/, 'other'))
				? []
				: [key],
	);
	test('has each text, and no other', () => expect([...said.keys()].sort()).toEqual(wanted.sort()));
	test('has the values of each text', () => {
		for (const [key, text] of said) {
			const same = english.get(key) ?? english.get(key.replace(/_\w+$/, '_other')) ?? '';
			expect(`${key} ${values(text).join()}`).toBe(`${key} ${values(same).join()}`);
		}
	});
	test('is not English', () => {
		const same = [...said].filter(([key, text]) => /[a-z]{3,} [a-z]{3,}/i.test(text) && english.get(key) === text);
		expect(same).toEqual([]);
	});
});

test('the language for tests keeps values', () => {
	expect(pseudo({ a: { b: 'In {{city}}' } })).toEqual({ a: { b: '⟦Iñ {{city}}····⟧' } });
});
