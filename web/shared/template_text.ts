/** A template and its parameters become the text of a command, the same on the server and in the browser. */
import type { z } from 'zod';
import type { TemplateParameter } from './schemas.ts';

type Parameter = z.output<typeof TemplateParameter>;
export type Filled = { text: string } | { field: string; message: string };

/** Where a parameter goes. */
const PLACE = /\{([a-z][a-zA-Z0-9_]{0,30})\}/g;
const PRINTABLE = /^[\x20-\x7e]+$/;

/** What stands under the name of a parameter, which may be one that every object has: "constructor". */
export function under<T>(values: Readonly<Record<string, T>>, name: string): T | undefined {
	return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** The parameters that a text has, each once, as they stand in it. */
export function parametersIn(text: string): string[] {
	return [...new Set([...text.matchAll(PLACE)].map((m) => m[1] ?? ''))];
}

/** Why nobody could ever fill it in; null: one can. */
export function wrongParameter(p: Parameter): string | null {
	if (p.label === '') return 'its label is empty: leave it out, or give it words';
	if (p.min !== undefined && p.max !== undefined && p.min > p.max) return 'the smallest is above the largest';
	if (p.type !== 'choice') return null;
	const choices = p.choices ?? [];
	if (choices.length === 0) return 'a choice needs values to choose from';
	if (new Set(choices).size !== choices.length) return 'a value to choose stands there twice';
	if (!choices.every((c) => PRINTABLE.test(c))) return 'values to choose are printable ASCII';
	if (p.choiceLabels !== undefined && p.choiceLabels.length !== choices.length)
		return 'there must be as many choiceLabels as choices';
	if (p.choiceLabels?.includes('') === true) return 'each of the choiceLabels needs words';
	return null;
}

function wrongValue(p: Parameter, value: string): string | null {
	if (!PRINTABLE.test(value)) return 'printable ASCII is needed';
	if (p.type === 'number') {
		if (!/^-?\d+(\.\d+)?$/.test(value)) return 'a number is needed';
		if (p.min !== undefined && Number(value) < p.min) return `at least ${p.min}`;
		if (p.max !== undefined && Number(value) > p.max) return `at most ${p.max}`;
	}
	if (p.type === 'choice' && !(p.choices ?? []).includes(value)) return `one of: ${(p.choices ?? []).join(', ')}`;
	// A text can't go on with another parameter or command.
	if (p.type === 'text' && /[;,\s]/.test(value)) return 'no blanks, commas or semicolons';
	return null;
}

/** The text with the values that are there. */
export function withValues(text: string, values: ReadonlyMap<string, string>): string {
	// All at once: a value that looks like a parameter stays what it is.
	return text.replace(PLACE, (whole, name: string) => values.get(name) ?? whole);
}

/** The text with a value for each parameter, or what is wrong with which. */
export function fillTemplate(text: string, parameters: readonly Parameter[], given: Record<string, string>): Filled {
	const known = new Set(parameters.map((p) => p.name));
	const extra = Object.keys(given).find((name) => !known.has(name));
	if (extra !== undefined) return { field: `parameters.${extra}`, message: 'not a parameter of this template' };
	const values = new Map<string, string>();
	for (const p of parameters) {
		const value = under(given, p.name);
		if (value === undefined) return { field: `parameters.${p.name}`, message: 'needed' };
		const wrong = wrongValue(p, value);
		if (wrong !== null) return { field: `parameters.${p.name}`, message: wrong };
		values.set(p.name, value);
	}
	return { text: withValues(text, values) };
}
