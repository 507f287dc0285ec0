// Deny by default: a route without a declared permission, or that doesn't name what it is about, does not start.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { routes } from '../../server/api/index.ts';
import { checkRoute } from '../../server/http/mount.ts';
import type { Route } from '../../server/http/route.ts';
import { openApi } from '../../server/openapi.ts';
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
