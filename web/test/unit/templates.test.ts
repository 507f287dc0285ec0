// Templates of commands: what their form makes of what the server has, and back; what nobody could fill in.
import { describe, expect, it } from 'vitest';
import type { Template } from '../../app/api/queries.ts';
import {
	bodyOf,
	fieldsOf,
	isBound,
	newTemplate,
	parametersOf,
	type Draft,
	type Parameter,
} from '../../app/screens/commands/template_fields.ts';
import { TemplateWrite } from '../../shared/schemas.ts';
import { parametersIn, withValues, wrongParameter } from '../../shared/template_text.ts';

const template: Template = {
	id: '7',
	name: 'Pump',
	description: '',
	text: 'setdigout {state} {seconds}{apn}',
	codec: 14,
	dangerous: true,
	role: 'installer',
	parameters: [
		{ name: 'state', type: 'choice', choices: ['1', '0'], choiceLabels: ['On', 'Off'] },
		{ name: 'seconds', label: 'For how long', type: 'number', min: 1, max: 3600 },
		{ name: 'apn', type: 'text' },
	],
};

describe('the text', () => {
	it('names its parameters, each once, in its order', () => {
		expect(parametersIn('a {b} {a} {b} {A} {1} { c } {} {c')).toEqual(['b', 'a']);
	});
	it('takes the values that are there', () => {
		expect(withValues('{a}{b}{a}', new Map([['a', '{b}']]))).toBe('{b}{b}{b}');
	});
});

describe('the form', () => {
	it('gives back what it was given', () => {
		const { id, ...rest } = template;
		expect(id).toBe('7');
		expect(bodyOf(fieldsOf(template))).toEqual(rest);
		expect(TemplateWrite.parse(bodyOf(fieldsOf(template)))).toEqual(rest);
	});
	const draft: Draft = { label: ' x ', kind: 'number', min: ' 0,5', max: '', choices: [{ value: '1', label: '' }] };
	const parameter = (change: Partial<Draft>) =>
		parametersOf({ ...newTemplate, text: '{a}', drafts: { a: { ...draft, ...change }, gone: draft } });
	it('sends of a parameter what its kind has', () => {
		expect(parameter({})).toEqual([{ name: 'a', label: 'x', type: 'number', min: 0.5 }]);
		expect(parameter({ kind: 'text', label: '' })).toEqual([{ name: 'a', type: 'text' }]);
		expect(parameter({ kind: 'choice' })).toEqual([{ name: 'a', label: 'x', type: 'choice', choices: ['1'] }]);
	});
	it('calls a value without a name as it is', () => {
		const choices = [
			{ value: '1 ', label: 'On' },
			{ value: '0', label: ' ' },
		];
		expect(parameter({ kind: 'choice', choices })).toMatchObject([{ choices: ['1', '0'], choiceLabels: ['On', '0'] }]);
	});
	it('knows a parameter that was not touched', () => {
		expect(parametersOf({ ...newTemplate, text: '{a}' })).toEqual([{ name: 'a', type: 'text' }]);
	});
	it('knows a parameter whose name every object has', () => {
		expect(parametersOf({ ...newTemplate, text: '{constructor}' })).toEqual([{ name: 'constructor', type: 'text' }]);
	});
	it.each(['', ' ', '1', '-1.5', '0,5'])('takes %j for a bound', (text) => {
		expect(isBound(text)).toBe(true);
	});
	it.each(['x', '1e3', '.', '1.', '--1'])('takes %j for none', (text) => {
		expect(isBound(text)).toBe(false);
	});
});

describe('a parameter', () => {
	const wrong: Parameter[] = [
		{ name: 'a', type: 'choice' },
		{ name: 'a', type: 'choice', choices: [] },
		{ name: 'a', type: 'choice', choices: ['1', '1'] },
		{ name: 'a', type: 'choice', choices: [''] },
		{ name: 'a', type: 'choice', choices: ['ž'] },
		{ name: 'a', type: 'choice', choices: ['1', '0'], choiceLabels: ['On'] },
		{ name: 'a', type: 'number', min: 2, max: 1 },
	];
	it.each(wrong)('that nobody could fill in: %j', (p) => {
		expect(wrongParameter(p)).not.toBeNull();
	});
	it.each(template.parameters)('that one can: %j', (p) => {
		expect(wrongParameter(p)).toBeNull();
	});
});
