/** command-templates: commands that may be sent from the pages. */
import { z } from 'zod';
import { rank } from '../../shared/permissions.ts';
import { highestRole } from '../../shared/permissions.ts';
import { Id, page, PageQuery, Template, TemplateParameter, TemplateWrite } from '../../shared/schemas.ts';
import { parametersIn, wrongParameter } from '../../shared/template_text.ts';
import type { App } from '../context.ts';
import { ifMatch } from '../http/headers.ts';
import { route, type Context } from '../http/route.ts';
import { notFound, Problem, unfit } from '../problem.ts';
import type { Tables } from '../tables.ts';
import type { Selectable, Transaction } from 'kysely';
import { pageOfAll, violated } from './lists.ts';

const OneTemplate = z.object({ template: Id });
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
	const used = new Set(parametersIn(body.text));
	const names = body.parameters.map((p) => p.name);
	const wrong =
		[...used].find((n) => !names.includes(n)) ?? names.find((n, i) => !used.has(n) || names.indexOf(n) !== i);
	if (wrong !== undefined)
		throw unfit('parameters', `{${wrong}} must stand in the text, and once among the parameters`);
	body.parameters.forEach((p, i) => {
		const why = wrongParameter(p);
		if (why !== null) throw unfit(`parameters.${i}`, `{${p.name}}: ${why}`);
	});
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

/** Holds the template against other changes, and compares it with what the request was made for. */
async function hold(
	ctx: Pick<Context<z.output<typeof OneTemplate>>, 'ifMatch' | 'params'>,
	trx: Transaction<Tables>,
): Promise<Row> {
	const row = await trx
		.selectFrom('omnitrack.command_templates')
		.selectAll()
		.where('id', '=', ctx.params.template)
		.forUpdate()
		.executeTakeFirst();
	if (!row) throw notFound('There is no such template');
	ctx.ifMatch(view(row));
	return row;
}

async function named<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (violated(error) !== 'command_templates_name_key') throw error;
		throw new Problem(409, 'There is a template of this name', {
			detail: 'Choose another name.',
			errors: [{ field: 'name', message: 'taken' }],
		});
	}
}

export const templateRoutes = [
	route({
		method: 'get',
		path: '/command-templates',
		action: 'templates.list',
		tag: 'commands',
		summary: 'Templates that one may use',
		query: PageQuery,
		answer: page(Template),
		async handler({ app, query, who }) {
			const rows = await app.db.selectFrom('omnitrack.command_templates').selectAll().orderBy('name').execute();
			const mine = rank(highestRole(who()));
			const { items, next } = pageOfAll(
				rows.filter((r) => rank(r.min_role) <= mine),
				query,
			);
			return { items: items.map(view), next };
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
			return named(() =>
				ctx.app.db.transaction().execute(async (trx) => {
					const row = await trx
						.insertInto('omnitrack.command_templates')
						.values(columns(ctx.body))
						.returningAll()
						.executeTakeFirstOrThrow();
					await ctx.audit(trx, 'template.create', { kind: 'template', id: row.id }, { name: row.name });
					return view(row);
				}),
			);
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
			const row = await named(() =>
				ctx.app.db.transaction().execute(async (trx) => {
					await hold(ctx, trx);
					const changed = await trx
						.updateTable('omnitrack.command_templates')
						.set(columns(ctx.body))
						.where('id', '=', ctx.params.template)
						.returningAll()
						.executeTakeFirstOrThrow();
					await ctx.audit(trx, 'template.update', { kind: 'template', id: changed.id }, { name: changed.name });
					return changed;
				}),
			);
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
		headers: ifMatch,
		async handler(ctx) {
			await ctx.app.db.transaction().execute(async (trx) => {
				const row = await hold(ctx, trx);
				await trx.deleteFrom('omnitrack.command_templates').where('id', '=', row.id).execute();
				await ctx.audit(trx, 'template.delete', { kind: 'template', id: row.id }, { name: row.name });
			});
		},
	}),
];
