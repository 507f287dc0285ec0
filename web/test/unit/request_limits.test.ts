// Answers that are kept have a bound for each user, and one user's does not count for another.
import { expect, it } from 'vitest';
import { requestLimits } from '../../server/request_limits.ts';

it('one user keeps so many answers an hour', async () => {
	const limits = requestLimits(100);
	for (let i = 0; i < 1000; i++) await limits.takeKey('1');
	await expect(limits.takeKey('1')).rejects.toMatchObject({ status: 429 });
	await expect(limits.takeKey('2')).resolves.toBeUndefined();
});
