/** The description of the API, from the routes themselves: OpenAPI 3.1, and a page for people. Pure. */
import type { z } from 'zod';
import { actions } from '../shared/permissions.ts';
import { Problem } from '../shared/schemas.ts';
import { examples, textExamples } from './examples.ts';
import type { Route } from './http/route.ts';
import { inWords, type Json, refTo, schemaOfAnswer, schemaOfBody, schemaOfInput } from './schema_names.ts';

function exampleOf(of: Readonly<Record<string, unknown>>, { method, path }: Route): Json {
	const example = of[`${method} ${path}`];
	return example === undefined ? {} : { example };
}

function parametersOf(schema: z.ZodType | undefined, where: 'path' | 'query'): Json[] {
	if (!schema) return [];
	const { properties, required } = schemaOfInput(schema) as {
		properties?: Record<string, Json>;
		required?: string[];
	};
	return Object.entries(properties ?? {}).map(([name, s]) => ({
		name,
		in: where,
		required: where === 'path' || (required ?? []).includes(name),
		schema: s,
	}));
}

const problem = (description: string): Json => ({
	description,
	content: { 'application/problem+json': { schema: refTo('Problem') } },
});

/** Of an answer that is no schema of ours. */
function otherType(type: string): Json {
	if (type.endsWith('+json')) return { type: 'object' };
	if (type.startsWith('text/')) return { type: 'string' };
	return type.endsWith('+xml') ? {} : { type: 'string', format: 'binary' };
}

function answersOf(route: Route, components: Json): Json {
	const { scope } = actions[route.action];
	const answers: Json = {};
	const content: Json = {};
	// First what is answered to a client that asks for nothing in particular: some read no further.
	if (route.answer) content['application/json'] = { schema: schemaOfAnswer(route.answer, components) };
	for (const type of route.produces ?? []) content[type] = { schema: otherType(type) };
	if (Object.keys(content).length > 0) answers[String(route.status ?? 200)] = { description: 'Done', content };
	else answers['204'] = { description: 'Done' };
	if (route.query ?? route.body) answers['400'] = problem('The request is not as it should be');
	else answers['400'] = problem('The request can not be read');
	if (scope !== 'public') answers['401'] = problem('Not signed in');
	answers['403'] = problem('Not allowed');
	answers['404'] = problem('Not there, or not to be seen');
	if (route.body ?? route.accepts) answers['413'] = problem('The body is too large');
	if (route.body ?? route.accepts) answers['415'] = problem('The body is of another type');
	answers.default = problem('Something else');
	return answers;
}

export function openApi(routes: readonly Route[], version: string): Json {
	const paths: Record<string, Json> = {};
	const components: Json = {};
	schemaOfAnswer(Problem, components);
	for (const route of routes) {
		const path = route.path.replace(/:([a-z]+)/gi, '{$1}');
		const need = actions[route.action];
		const operation: Json = {
			operationId: `${route.method} ${route.path}`.replace(/[^a-zA-Z]+/g, '_').replace(/_$/, ''),
			tags: [route.tag],
			summary: route.summary,
			'x-permission': route.action,
			'x-role': need.role,
			parameters: [
				...parametersOf(route.params, 'path'),
				...parametersOf(route.query, 'query'),
				...Object.entries(route.headers ?? {}).map(([name, schema]) => ({
					name,
					in: 'header',
					required: false,
					schema: schemaOfInput(schema),
				})),
			],
			responses: answersOf(route, components),
			security: need.scope === 'public' ? [] : [{ session: [] }, { token: [] }],
		};
		if (route.body)
			operation.requestBody = {
				required: true,
				content: {
					'application/json': { schema: schemaOfBody(route.body, components), ...exampleOf(examples, route) },
				},
			};
		else if (route.accepts !== undefined)
			operation.requestBody = {
				required: true,
				content: { [route.accepts]: { schema: { type: 'string' }, ...exampleOf(textExamples, route) } },
			};
		paths[path] = { ...paths[path], [route.method]: operation };
	}
	return {
		openapi: '3.1.0',
		info: { title: 'OmniTrack', version, description: 'Devices, their live state, and commands to them.' },
		servers: [{ url: '/api/v1' }],
		paths,
		components: {
			schemas: components,
			securitySchemes: {
				session: { type: 'apiKey', in: 'cookie', name: '__Host-omnitrack' },
				token: { type: 'http', scheme: 'bearer' },
			},
		},
	};
}

function escape(text: string): string {
	return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

interface Operation {
	summary: string;
	tags: string[];
	'x-permission': string;
	'x-role': string | null;
	parameters: { name: string; in: string; required: boolean; schema: Json }[];
	requestBody?: { content: Record<string, { schema: Json; example?: unknown }> };
	responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
}

function operationHtml(method: string, path: string, o: Operation, components: Json): string {
	const block = (title: string, value: unknown) =>
		value === undefined
			? ''
			: `<details><summary>${title}</summary><pre>${escape(JSON.stringify(inWords(value, components), null, 2))}</pre></details>`;
	const rows = o.parameters.map(
		(p) =>
			`<tr><td><code>${escape(p.name)}</code></td><td>${p.in}${p.required ? '' : ', optional'}</td><td>${escape(
				typeof p.schema.description === 'string' ? p.schema.description : '',
			)}</td></tr>`,
	);
	const body = Object.values(o.requestBody?.content ?? {})[0];
	const given = body?.example;
	const example = given === undefined || typeof given === 'string' ? given : JSON.stringify(given, null, 2);
	const answer = Object.entries(o.responses).find(([code]) => code.startsWith('2'));
	return `<section><h3><b class="${method}">${method.toUpperCase()}</b> <code>${escape(path)}</code></h3>
<p>${escape(o.summary)}. <i>${escape(o['x-permission'])}${o['x-role'] === null ? '' : `: ${escape(o['x-role'])}`}</i></p>
${rows.length > 0 ? `<table>${rows.join('')}</table>` : ''}
${block('Body', body?.schema)}
${example === undefined ? '' : `<p>For example:</p><pre>${escape(example)}</pre>`}
${block(`Answer ${answer?.[0] ?? ''}`, answer?.[1].content?.['application/json']?.schema)}</section>`;
}

/** A page without scripts. */
export function docsPage(doc: Json): string {
	const byTag = new Map<string, string[]>();
	const { schemas } = doc.components as { schemas: Json };
	for (const [path, methods] of Object.entries(doc.paths as Record<string, Record<string, Operation>>))
		for (const [method, o] of Object.entries(methods)) {
			const tag = o.tags[0] ?? '';
			byTag.set(tag, [...(byTag.get(tag) ?? []), operationHtml(method, path, o, schemas)]);
		}
	const body = [...byTag].map(([tag, list]) => `<h2>${escape(tag)}</h2>${list.join('')}`).join('');
	return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>OmniTrack API</title><link rel="stylesheet" href="/api/docs.css"><main><h1>OmniTrack API</h1>
<p>Below <code>/api/v1</code>; the same as <a href="/api/v1/openapi.json">OpenAPI 3.1</a>. Programs send
<code>Authorization: Bearer</code> and a token. Errors are <code>application/problem+json</code> with a <code>requestId</code>.</p>
${body}</main></html>`;
}

export const docsStyle = `:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
main{max-width:52rem;margin:2rem auto;padding:0 1rem}section{border-top:1px solid #8884;padding:.5rem 0}
h3{font-weight:400;margin:.5rem 0}b{display:inline-block;min-width:4.5rem;font-size:.8rem}
b.get{color:#2b7bba}b.post{color:#2e8b57}b.patch,b.put{color:#b7791f}b.delete{color:#c0392b}
table{border-spacing:0}td{padding:.1rem 1rem .1rem 0;vertical-align:top}pre{overflow:auto;background:#8881;padding:.5rem}
`;
