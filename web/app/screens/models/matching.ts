/** The elements in which all words of a search are found: in number, name, unit or description. Pure. */
import type { DictionaryEntry } from '../../api/dictionary.ts';
import { fold, wordsOf } from '../../../shared/text.ts';

export function matching(elements: readonly DictionaryEntry[], q: string): DictionaryEntry[] {
	const words = wordsOf(q);
	return elements.filter((e) => {
		const text = fold(`${e.id} ${e.name} ${e.name.replaceAll('_', ' ')} ${e.unit ?? ''} ${e.description}`);
		return words.every((w) => text.includes(w));
	});
}
