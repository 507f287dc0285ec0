import { expect, test, vi } from 'vitest';

vi.stubGlobal('location', { origin: 'https://fleet.example' });
const { safeNext } = await import('../../app/login/safe_next.ts');

test.each([
	['', '/'],
	['?next=%2Fcommands%3Fstatus%3Dfailed', '/commands?status=failed'],
	['?next=https%3A%2F%2Fevil.example%2F', '/'],
	['?next=%2F%2Fevil.example%2F', '/'],
	['?next=%2F%5Cevil.example', '/'],
	['?next=%2F.%2F%2Fevil.example%2F', '/'],
	['?next=%2Fa%2F..%2F..%2F%2Fevil.example%2F', '/'],
	['?next=%2F%252e%2F%2Fevil.example%2F', '/'],
	['?next=javascript%3Aalert(1)', '/'],
	['?next=%2Flogin%3Fnext%3D%2Flogin', '/'],
])('where one goes after signing in: %s', (search, to) => {
	expect(safeNext(search)).toBe(to);
});
