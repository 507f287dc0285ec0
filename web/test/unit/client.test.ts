// What a page is told of a request that failed: whether it may have been done, and what no field of the form says.
import { describe, expect, test, vi } from 'vitest';

vi.stubGlobal('window', new EventTarget());
vi.stubGlobal('location', { pathname: '/', search: '', origin: 'https://fleet.example' });
const { ApiProblem, problemText, request, Unanswered } = await import('../../app/api/client.ts');

function answer(with_: () => Promise<Response>) {
	vi.stubGlobal('fetch', with_);
}
const offline = () => Promise.reject(new TypeError('Failed to fetch'));

describe('an answer that never came', () => {
	test('leaves open whether a change was made', async () => {
		answer(offline);
		await expect(request('POST', '/commands', { body: {} })).rejects.toBeInstanceOf(Unanswered);
		await expect(request('DELETE', '/groups/3')).rejects.toBeInstanceOf(Unanswered);
	});

	test('broke off in its middle', async () => {
		answer(() => Promise.resolve(new Response('{"queued":', { status: 200 })));
		await expect(request('POST', '/commands', { body: {} })).rejects.toBeInstanceOf(Unanswered);
	});

	test.each([502, 504])('by a proxy that says %d', async (status) => {
		answer(() => Promise.resolve(new Response('', { status })));
		await expect(request('POST', '/commands', { body: {} })).rejects.toBeInstanceOf(Unanswered);
	});

	test('changes nothing of what only asks', async () => {
		answer(offline);
		await expect(request('GET', '/me')).rejects.toBeInstanceOf(TypeError);
		await expect(request('POST', '/commands', { body: {}, asksOnly: true })).rejects.toBeInstanceOf(TypeError);
	});

	test('is none where the page itself no longer waits, or the server said no', async () => {
		answer(() => Promise.reject(new DOMException('stopped', 'AbortError')));
		await expect(request('POST', '/commands', { body: {} })).rejects.not.toBeInstanceOf(Unanswered);
		answer(() => Promise.resolve(new Response('', { status: 503 })));
		await expect(request('POST', '/commands', { body: {} })).rejects.toBeInstanceOf(ApiProblem);
	});
});

describe('beside a form stands', () => {
	const body = (errors: { field: string; message: string }[]) =>
		new ApiProblem(422, { title: 'Not accepted.', detail: 'See the fields.', errors }, '');

	test('what concerns no field', () => {
		expect(problemText(body([]), ['name'])).toBe('Not accepted. See the fields.');
	});
	test('nothing where the fields say it all', () => {
		expect(problemText(body([{ field: 'name', message: 'too long' }]), ['name', 'login'])).toBeNull();
	});
	test('what no field of the form says, by its name', () => {
		const errors = [
			{ field: 'name', message: 'too long' },
			{ field: 'roles', message: 'twice the same group' },
		];
		expect(problemText(body(errors), ['name', 'login'])).toBe(
			'Not accepted. See the fields. roles: twice the same group',
		);
	});
});
