/** Which devices a request is about, as the search takes it: within those that the asking user may see. */
import type { z } from 'zod';
import { groupsFor } from '../../shared/permissions.ts';
import type { DeviceFilter } from '../../shared/schemas.ts';
import type { Filter } from '../fleet/search.ts';
import type { Context } from '../http/route.ts';
import { Problem } from '../problem.ts';

/** Throws a Problem while the fleet isn't known yet. */
export function filterOf(ctx: Pick<Context, 'app' | 'who'>, asked: z.output<typeof DeviceFilter>): Filter {
	const { directory, fleet } = ctx.app;
	if (!fleet.loaded) throw new Problem(503, 'The fleet is being loaded', { detail: 'Try again in a few seconds.' });
	const groups = asked.group?.filter((g) => g !== 'none').flatMap((g) => [...directory.within(g)]);
	return {
		visible: groupsFor(ctx.who(), 'device.read', directory.parents),
		words: asked.q,
		states: asked.state,
		groups: groups && new Set(groups),
		ungrouped: asked.group?.includes('none'),
		models: asked.model,
		silentFor: asked.silentForS === undefined ? undefined : asked.silentForS * 1000,
	};
}
