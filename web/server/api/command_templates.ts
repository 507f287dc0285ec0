/** command-templates: commands that may be sent from the pages. */
import { z } from 'zod';
import { rank } from '../../shared/permissions.ts';
import { highestRole } from '../../shared/permissions.ts';
import { Id, page, PageQuery, Template, TemplateParameter, TemplateWrite } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { ifMatch } from '../http/headers.ts';
import { route } from '../http/route.ts';
import { notFound, Problem, unfit } from '../problem.ts';
import type { Tables } from '../tables.ts';
import type { Selectable } from 'kysely';
import { violated } from './lists.ts';

type Row = Selectable<Tables['omnitrack.command_templates']>;

function view(row: Row): z.input<typeof Template> {
	return {
		id: row.id,
		name: row.name,
		description: row.description,
		text: row.command_text,
		parameters: z.array(TemplateParameter).catch([]).parse(row.parameters),
		codec: row.codec,
		dangerous: row.dangerous,
		role: row.min_role,
	};
}

function columns(body: z.output<typeof TemplateWrite>) {
	const used = new Set([...body.text.matchAll(/\{([a-z][a-zA-Z0-9_]{0,30})\}/g)].map((m) => m[1]));
	const names = body.parameters.map((p) => p.name);
	const wrong =
		[...used].find((n) => n !== undefined && !names.includes(n)) ??
		names.find((n, i) => !used.has(n) || names.indexOf(n) !== i);
	if (wrong !== undefined)
		throw unfit('parameters', `{${wrong}} must stand in the text, and once among the parameters`);
	return {
		name: body.name,
		description: body.description,
		command_text: body.text,
		parameters: JSON.stringify(body.parameters),
		codec: body.codec,
		dangerous: body.dangerous,
		min_role: body.role,
	};
}

async function one(app: App, id: string): Promise<Row> {
	const row = await app.db
		.selectFrom('omnitrack.command_templates')
		.selectAll()
		.where('id', '=', id)
		.executeTakeFirst();
	if (!row) throw notFound('There is no such template');
	return row;
}

async function named<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (violated(error) !== 'command_templates_name_key') throw error;
		throw new Problem(409, 'There is a template of this name', { errors: [{ field: 'name', message: 'taken' }] });
	}
}

const OneTemplate = z.object({ template: Id });

export const templateRoutes = [
	route({
		method: 'get',
		path: '/command-templates',
		action: 'templates.list',
		tag: 'commands',
		summary: 'Templates that one may use',
		query: PageQuery,
		answer: page(Template),
		async handler({ app, who }) {
			const rows = await app.db
				.selectFrom('omnitrack.command_templates')
				.selectAll()
				.orderBy('name')
				.limit(1000)
				.execute();
			const mine = rank(highestRole(who()));
			return { items: rows.filter((r) => rank(r.min_role) <= mine).map(view), next: null };
		},
	}),
	route({
		method: 'post',
		path: '/command-templates',
		action: 'templates.edit',
		tag: 'commands',
		summary: 'Make a template',
		body: TemplateWrite,
		answer: Template,
		status: 201,
		async handler(ctx) {
			const row = await named(() =>
				ctx.app.db
					.insertInto('omnitrack.command_templates')
					.values(columns(ctx.body))
					.returningAll()
					.executeTakeFirstOrThrow(),
			);
			await ctx.audit('template.create', { kind: 'template', id: row.id }, { name: row.name });
			return view(row);
		},
	}),
	route({
		method: 'get',
		path: '/command-templates/:template',
		action: 'templates.list',
		tag: 'commands',
		summary: 'One template',
		params: OneTemplate,
		answer: Template,
		async handler({ app, params, tag, who }) {
			const row = await one(app, params.template);
			if (rank(row.min_role) > rank(highestRole(who()))) throw notFound('There is no such template');
			tag(view(row));
			return view(row);
		},
	}),
	route({
		method: 'put',
		path: '/command-templates/:template',
		action: 'templates.edit',
		tag: 'commands',
		summary: 'Change a template',
		params: OneTemplate,
		body: TemplateWrite,
		headers: ifMatch,
		answer: Template,
		async handler(ctx) {
			ctx.ifMatch(view(await one(ctx.app, ctx.params.template)));
			const row = await named(() =>
				ctx.app.db
					.updateTable('omnitrack.command_templates')
					.set(columns(ctx.body))
					.where('id', '=', ctx.params.template)
					.returningAll()
					.executeTakeFirst(),
			);
			if (!row) throw notFound('There is no such template');
			await ctx.audit('template.update', { kind: 'template', id: row.id }, { name: row.name });
			ctx.tag(view(row));
			return view(row);
		},
	}),
	route({
		method: 'delete',
		path: '/command-templates/:template',
		action: 'templates.edit',
		tag: 'commands',
		summary: 'Delete a template',
		params: OneTemplate,
		async handler(ctx) {
			const row = await one(ctx.app, ctx.params.template);
			await ctx.app.db.deleteFrom('omnitrack.command_templates').where('id', '=', row.id).execute();
			await ctx.audit('template.delete', { kind: 'template', id: row.id }, { name: row.name });
		},
	}),
];
