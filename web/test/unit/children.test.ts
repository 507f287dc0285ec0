// Children are bounded, also those that were told to end and have not yet.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Children } from '../../server/children.ts';

let folder: string;
let children: Children;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'children-'));
	const program = join(folder, 'deaf');
	// It says when it can no longer be ended by SIGTERM.
	writeFileSync(program, `#!/bin/sh\ntrap '' TERM\necho '{"event":"ready"}'\nwhile :; do sleep 1; done\n`, {
		mode: 0o755,
	});
	children = new Children(program, '');
});
afterEach(() => {
	children.close();
	rmSync(folder, { recursive: true });
});

it('a trace counts until its child is gone, and one that does not go is ended', async () => {
	const start = (_: unknown, n: number) =>
		new Promise<{ stop: () => void }>((resolve) => {
			const trace = children.trace(
				`user ${n % 4}`,
				'350000000000006',
				60,
				() => resolve(trace),
				() => undefined,
			);
		});
	const traces = await Promise.all(Array.from({ length: 16 }, start));
	for (const trace of traces) trace.stop();
	const one = () =>
		children.trace(
			'another',
			'350000000000006',
			60,
			() => undefined,
			() => undefined,
		);
	expect(one).toThrow('Too many traces');
	await vi.waitFor(() => expect(one).not.toThrow(), { timeout: 20_000, interval: 200 });
}, 30_000);

it('a program that is not there takes no place', async () => {
	const none = new Children(join(folder, 'nothing'), '');
	for (let i = 0; i < 20; i++)
		await new Promise<void>(
			(resolve) =>
				void none.trace(
					'one',
					'350000000000006',
					60,
					() => undefined,
					() => resolve(),
				),
		);
});

it('one user leaves room for others', async () => {
	const ask = (user: string) => children.why('350000000000006', null, user);
	const mine = Array.from({ length: 5 }, () => ask('me').catch((error: unknown) => error));
	expect(await mine[4]).toMatchObject({ status: 429 });
	const trace = (user: string) => () =>
		children.trace(
			user,
			'350000000000006',
			60,
			() => undefined,
			() => undefined,
		);
	for (let i = 0; i < 4; i++) trace('me')();
	expect(trace('me')).toThrow('You have too many traces');
	expect(trace('you')).not.toThrow();
	const yours = ask('you').catch((error: unknown) => error);
	// The first ends the children that run, the second those that waited for them.
	children.close();
	await Promise.all(mine);
	children.close();
	expect(await yours).not.toMatchObject({ status: 429 });
}, 30_000);
