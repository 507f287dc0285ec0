/** dictionary and models: what IO elements mean; which models there are. */
import { sql } from 'kysely';
import { z } from 'zod';
import { DictionaryEntry, Family, Model } from '../../shared/dictionary.ts';
import { page, PageQuery } from '../../shared/schemas.ts';
import { groupsFor } from '../../shared/permissions.ts';
import { route } from '../http/route.ts';

export const dictionaryRoutes = [
	route({
		method: 'get',
		path: '/models',
		action: 'models.list',
		tag: 'dictionary',
		summary: 'Models of the devices that one may see, with their families',
		query: PageQuery,
		answer: page(Model),
		async handler({ app, who }) {
			const groups = groupsFor(who(), 'device.read', app.directory.parents);
			const counts = new Map<string, number>();
			for (const device of app.fleet.columns.inventory) {
				if (!device || (groups !== null && (device.group === null || !groups.has(device.group)))) continue;
				if (device.model !== null) counts.set(device.model, (counts.get(device.model) ?? 0) + 1);
			}
			const found = await sql<{ model: string; family: string | null }>`
				SELECT m AS model, f.family FROM unnest(${[...counts.keys()]}::text[]) AS m
				LEFT JOIN avl_families f ON f.mask = telematics_model_mask(m)`.execute(app.db);
			const items = found.rows.map((r) => ({ ...r, devices: counts.get(r.model) ?? 0 }));
			items.sort((a, b) => (a.model < b.model ? -1 : 1));
			return { items, next: null };
		},
	}),
	route({
		method: 'get',
		path: '/families',
		action: 'models.list',
		tag: 'dictionary',
		summary: 'Families of models that the dictionary knows',
		answer: page(Family),
		async handler({ app }) {
			const found = await sql<{ family: string; group: string; models: string[]; elements: number }>`
				SELECT m.family, m.family_group AS group, array_agg(m.model ORDER BY m.model) AS models,
					(SELECT count(*)::int FROM avl_parameters p WHERE m.family = ANY (p.families)) AS elements
				FROM avl_models m GROUP BY m.family, m.family_group ORDER BY m.family`.execute(app.db);
			return { items: found.rows, next: null };
		},
	}),
	route({
		method: 'get',
		path: '/dictionary',
		action: 'models.list',
		tag: 'dictionary',
		summary: 'What IO elements mean',
		query: z.strictObject({
			ids: z
				.string()
				.regex(/^\d{1,5}(,\d{1,5}){0,99}$/)
				.optional()
				.meta({ description: 'AVL ids, with commas' }),
			family: z
				.string()
				.regex(/^[a-z0-9_]{1,40}$/)
				.optional()
				.meta({ description: 'a family of devices, as models names it' }),
		}),
		answer: page(DictionaryEntry),
		async handler({ app, query }) {
			const ids = query.ids?.split(',').map(Number) ?? null;
			const found = await sql<{
				id: number;
				name: string;
				kind: string;
				unit: string | null;
				multiplier: number | null;
				families: string[];
				labels: Record<string, string> | null;
				description: string;
			}>`
				SELECT id, name, kind, unit, multiplier, families, labels, description FROM avl_parameters
				WHERE ${ids === null ? sql`true` : sql`id = ANY (${ids}::integer[])`}
					AND ${query.family === undefined ? sql`true` : sql`${query.family} = ANY (families)`} ORDER BY id, variant LIMIT 5000`.execute(
				app.db,
			);
			return { items: found.rows, next: null };
		},
	}),
];
