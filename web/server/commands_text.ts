/** A template and its parameters become the text of a command. Pure. */
import type { z } from 'zod';
import type { TemplateParameter } from '../shared/schemas.ts';

type Parameter = z.output<typeof TemplateParameter>;
export type Filled = { text: string } | { field: string; message: string };

function wrongValue(p: Parameter, value: string): string | null {
	if (!/^[\x20-\x7e]+$/.test(value)) return 'printable ASCII is needed';
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

/** {name} is where a parameter goes. */
export function fillTemplate(text: string, parameters: readonly Parameter[], given: Record<string, string>): Filled {
	const known = new Set(parameters.map((p) => p.name));
	const extra = Object.keys(given).find((name) => !known.has(name));
	if (extra !== undefined) return { field: `parameters.${extra}`, message: 'not a parameter of this template' };
	const values = new Map<string, string>();
	for (const p of parameters) {
		const value = given[p.name];
		if (value === undefined) return { field: `parameters.${p.name}`, message: 'needed' };
		const wrong = wrongValue(p, value);
		if (wrong !== null) return { field: `parameters.${p.name}`, message: wrong };
		values.set(p.name, value);
	}
	// All at once: a value that looks like a parameter stays what it is.
	return { text: text.replace(/\{([a-z][a-zA-Z0-9_]{0,30})\}/g, (whole, name: string) => values.get(name) ?? whole) };
}
