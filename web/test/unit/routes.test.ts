// Deny by default: a route without a declared permission, or that doesn't name what it is about, does not start.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { routes } from '../../server/api/index.ts';
import { checkRoute } from '../../server/http/mount.ts';
import type { Route } from '../../server/http/route.ts';
import { examples, textExamples } from '../../server/examples.ts';
import { docsPage, openApi } from '../../server/openapi.ts';
import { actions } from '../../shared/permissions.ts';

const good: Route = {
	method: 'get',
	path: '/devices/:device',
	action: 'device.read',
	tag: 't',
	summary: 's',
	params: z.object({ device: z.string() }),
	handler: () => Promise.resolve(),
};

describe('checkRoute', () => {
	it('takes what is right', () => {
		expect(() => checkRoute(good)).not.toThrow();
	});
	it.each([
		['no permission', { action: undefined }],
		['an unknown one', { action: 'device.fly' }],
		['one that every object has', { action: 'toString' }],
		['a device that is not in the path', { path: '/devices', params: undefined }],
		['a group that is not in the path', { action: 'group.edit' }],
		['a parameter without a schema', { params: undefined }],
		['a GET with a body', { body: z.object({}) }],
	])('refuses %s', (_, wrong) => {
		expect(() => checkRoute({ ...good, ...wrong } as Route)).toThrow();
	});
});

it('all routes are right', () => {
	for (const route of routes) checkRoute(route);
});

it('everything that isn’t public needs somebody', () => {
	const open = routes.filter((r) => actions[r.action].scope === 'public').map((r) => `${r.method} ${r.path}`);
	expect(open).toEqual([
		'get /session',
		'post /session',
		'delete /session',
		'post /session/link',
		'post /session/claim',
	]);
});

it('describes each route once', () => {
	const doc = openApi(routes, '1') as { paths: Record<string, Record<string, { operationId: string }>> };
	const ids = Object.values(doc.paths).flatMap((p) => Object.values(p).map((o) => o.operationId));
	expect(ids).toHaveLength(routes.length);
	expect(new Set(ids).size).toBe(ids.length);
});

it('an example is of a route, whose body it is', () => {
	const byName = new Map(routes.map((r) => [`${r.method} ${r.path}`, r]));
	for (const [name, example] of Object.entries(examples)) {
		const body = byName.get(name)?.body;
		expect(body, name).toBeDefined();
		expect(body?.safeParse(example).error, name).toBeUndefined();
	}
	for (const name of Object.keys(textExamples)) expect(byName.get(name)?.accepts, name).toBeDefined();
});

it('says of each route which permission it needs, and shows examples on its page', () => {
	const doc = openApi(routes, '1') as { paths: Record<string, Record<string, Record<string, unknown>>> };
	const described = Object.values(doc.paths).flatMap((p) => Object.values(p));
	for (const operation of described) expect(Object.keys(actions)).toContain(operation['x-permission']);
	const html = docsPage(doc);
	expect(html).toContain('nightly report');
	expect(html).toContain('350000000000006;Van 12');
});

it('names the types of its answers and bodies once, and shows people what is in them', () => {
	const doc = openApi(routes, '1') as {
		paths: Record<string, Record<string, { requestBody: unknown; responses: Record<string, unknown> }>>;
		components: { schemas: Record<string, { properties?: object }> };
	};
	const device = { $ref: '#/components/schemas/Device' };
	const answer = (schema: object) =>
		expect.objectContaining({ content: { 'application/json': { schema } } }) as unknown;
	expect(doc.paths['/devices/{device}']?.get?.responses['200']).toEqual(answer(device));
	expect(JSON.stringify(doc.paths['/devices']?.post?.requestBody)).toContain('#/components/schemas/DeviceCreate');
	const positions = doc.paths['/devices/{device}/positions']?.get?.responses['200'] as { content: object };
	expect(Object.keys(positions.content)[0]).toBe('application/json');
	const refs = JSON.stringify(doc).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
	for (const [, name] of refs) expect(Object.keys(doc.components.schemas)).toContain(name);
	expect(doc.components.schemas.Device?.properties).toHaveProperty('imei');
	expect(Object.keys(doc.components.schemas)).toEqual(expect.arrayContaining(['Model', 'Family', 'DictionaryEntry']));
	expect(docsPage(doc)).not.toContain('$ref');
});
