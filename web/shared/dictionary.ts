/** What the dictionary says, as it goes out: models, their families, and what IO elements mean. As schemas.ts does for the others. */
import { z } from 'zod';

export const Model = z.object({
	model: z.string(),
	family: z.string().nullable().meta({ description: 'null: the dictionary does not know the model' }),
	devices: z.int(),
});
export const Family = z.object({
	family: z.string(),
	group: z.string().meta({ description: 'families that are alike' }),
	models: z.array(z.string()).meta({ description: 'all that the dictionary knows' }),
	elements: z.int(),
});
export const DictionaryEntry = z.object({
	id: z.int(),
	name: z.string(),
	kind: z.string(),
	unit: z.string().nullable(),
	multiplier: z.number().nullable(),
	families: z.array(z.string()),
	labels: z.record(z.string(), z.string()).nullable(),
	description: z.string(),
});
