/**
 * Names of the schemas that the API's description has, as they are exported: an answer refers to them, so that a client made from
 * the description has one type for a device, wherever devices are answered. Pure.
 */
import { z } from 'zod';
import * as dictionary from '../shared/dictionary.ts';
import * as history from '../shared/history.ts';
import * as operations from '../shared/operations.ts';
import * as schemas from '../shared/schemas.ts';

const names = new Map<unknown, string>();
for (const [name, value] of [schemas, operations, history, dictionary].flatMap((module) => Object.entries(module)))
	if (value instanceof z.ZodObject || value instanceof z.ZodEnum) names.set(value, name);

/** Zod takes a schema with an id out of those that it stands in. */
class Named extends z.core.$ZodRegistry<z.core.GlobalMeta> {
	override get(schema: z.core.$ZodType) {
		const id = names.get(schema);
		const told = z.globalRegistry.get(schema);
		return id === undefined ? told : { ...told, id };
	}
}

const named = new Named();

export type Json = Record<string, unknown>;

/** Where the description keeps them. */
const PLACE = '#/components/schemas/';

export const refTo = (name: string): Json => ({ $ref: PLACE + name });

/** The schema of what goes in, whole. */
export function schemaOfInput(schema: z.ZodType): Json {
	const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
	return rest;
}

/** The schema of an answer; the named ones in it go to `components`. */
export function schemaOfAnswer(schema: z.ZodType, components: Json): Json {
	const made = z.toJSONSchema(z.object({ it: schema }), { io: 'output', unrepresentable: 'any', metadata: named });
	const text = JSON.stringify(made).replaceAll('"#/$defs/', `"${PLACE}`);
	const { $defs, properties } = JSON.parse(text) as { $defs?: Record<string, Json>; properties: { it: Json } };
	for (const [name, { id: _, ...rest }] of Object.entries($defs ?? {})) keep(components, name, rest);
	return properties.it;
}

/** The schema of a body: a reference, if it has a name. */
export function schemaOfBody(schema: z.ZodType, components: Json): Json {
	const name = names.get(schema);
	if (name === undefined) return schemaOfInput(schema);
	keep(components, name, schemaOfInput(schema));
	return refTo(name);
}

function keep(components: Json, name: string, schema: Json): void {
	components[name] ??= schema;
	if (JSON.stringify(components[name]) !== JSON.stringify(schema))
		throw new Error(`${name} is described in two ways: what goes in and what is answered need names of their own`);
}

/** The same with the named schemas in the place of their names, for people. */
export function inWords(schema: unknown, components: Json): unknown {
	if (Array.isArray(schema)) return schema.map((one) => inWords(one, components));
	if (typeof schema !== 'object' || schema === null) return schema;
	if ('$ref' in schema && typeof schema.$ref === 'string')
		return inWords(components[schema.$ref.slice(PLACE.length)], components);
	return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, inWords(value, components)]));
}
