/** What the form of a template holds, between what the server has and what goes there. */
import type { z } from 'zod';
import type { TemplateParameter, TemplateWrite } from '../../../shared/schemas.ts';
import { parametersIn, under } from '../../../shared/template_text.ts';
import type { Template } from '../../api/queries.ts';

export type Parameter = z.output<typeof TemplateParameter>;
export type Kind = Parameter['type'];
type Written = z.output<typeof TemplateWrite>;

/** A parameter as it is typed: numbers are texts until they go out. */
export interface Draft {
	label: string;
	kind: Kind;
	min: string;
	max: string;
	/** Each value with what the page calls it. */
	choices: readonly Choice[];
}

export interface Choice {
	value: string;
	label: string;
}

export interface Fields {
	name: string;
	description: string;
	text: string;
	codec: Written['codec'];
	dangerous: boolean;
	role: Written['role'];
	/** By name. Those whose name has gone from the text stay here: it may come back while one types. */
	drafts: Readonly<Record<string, Draft>>;
}

const emptyDraft: Draft = { label: '', kind: 'text', min: '', max: '', choices: [] };

export const newTemplate: Fields = {
	name: '',
	description: '',
	text: '',
	codec: 12,
	dangerous: false,
	role: 'operator',
	drafts: {},
};

function draftOf(p: Parameter): Draft {
	return {
		label: p.label ?? '',
		kind: p.type,
		min: p.min === undefined ? '' : String(p.min),
		max: p.max === undefined ? '' : String(p.max),
		choices: (p.choices ?? []).map((value, i) => ({ value, label: p.choiceLabels?.[i] ?? '' })),
	};
}

export function fieldsOf(template: Template): Fields {
	return {
		name: template.name,
		description: template.description,
		text: template.text,
		codec: template.codec === 14 ? 14 : 12,
		dangerous: template.dangerous,
		role: template.role === 'viewer' ? 'operator' : template.role,
		drafts: Object.fromEntries(template.parameters.map((p) => [p.name, draftOf(p)])),
	};
}

/** A bound as it is typed: empty is none, and a comma may stand for the point. */
const BOUND = /^(-?\d+(?:[.,]\d+)?)?$/;

export function isBound(text: string): boolean {
	return BOUND.test(text.trim());
}

function bound(name: 'min' | 'max', text: string): Partial<Record<'min' | 'max', number>> {
	return text.trim() === '' ? {} : { [name]: Number(text.trim().replace(',', '.')) };
}

function parameterOf(name: string, draft: Draft): Parameter {
	const label = draft.label.trim();
	const { choices } = draft;
	return {
		name,
		type: draft.kind,
		...(label === '' ? {} : { label }),
		...(draft.kind === 'number' ? { ...bound('min', draft.min), ...bound('max', draft.max) } : {}),
		...(draft.kind === 'choice' ? { choices: choices.map((c) => c.value.trim()) } : {}),
		...(draft.kind === 'choice' && choices.some((c) => c.label.trim() !== '')
			? { choiceLabels: choices.map((c) => c.label.trim() || c.value.trim()) }
			: {}),
	};
}

export function draftIn(fields: Fields, name: string): Draft {
	return under(fields.drafts, name) ?? emptyDraft;
}

/** Those that the text names, in its order. */
export function parametersOf(fields: Fields): Parameter[] {
	return parametersIn(fields.text).map((name) => parameterOf(name, draftIn(fields, name)));
}

/** All that the server is told of it. */
export function bodyOf(fields: Fields): Written {
	const { name, description, text, codec, dangerous, role } = fields;
	return { name, description, text: text.trim(), codec, dangerous, role, parameters: parametersOf(fields) };
}
