/** What the list of events asks the server for: pages back in time, and what has arrived since. */
import { infiniteQueryOptions, keepPreviousData, queryOptions, type QueryClient } from '@tanstack/react-query';
import type { z } from 'zod';
import type * as O from '../../shared/operations.ts';
import { get } from './client.ts';

export type FleetEvent = z.infer<typeof O.FleetEvent>;
export type FleetEvents = z.infer<typeof O.FleetEvents>;

export interface EventFilter {
	severity?: string | undefined;
	kind?: string | undefined;
	group?: string | undefined;
	device?: string | undefined;
	/** Of the arrival, RFC 3339. */
	from?: string | undefined;
	to?: string | undefined;
}

export const eventsQuery = (filter: EventFilter) =>
	infiniteQueryOptions({
		queryKey: ['events', 'pages', filter],
		initialPageParam: null as string | null,
		queryFn: ({ signal, pageParam }) =>
			get<FleetEvents>('/events', { limit: 50, ...filter, cursor: pageParam }, signal),
		getNextPageParam: (page) => page.next,
		placeholderData: keepPreviousData,
		// What is new comes by the other question.
		staleTime: Infinity,
		gcTime: 0,
	});

/** More that have come are not kept: who is away for so long loads the page again. */
const MOST_FRESH = 1000;

/** What has arrived since the pages were read. Each answer goes on where the last one ended. */
export const freshEventsQuery = (queries: QueryClient, filter: EventFilter, since: string | undefined) => {
	const queryKey = ['events', 'fresh', filter, since];
	return queryOptions({
		queryKey,
		enabled: since !== undefined && filter.to === undefined,
		queryFn: async ({ signal }): Promise<Pick<FleetEvents, 'asOf' | 'items'>> => {
			const before = queries.getQueryData<Pick<FleetEvents, 'asOf' | 'items'>>(queryKey);
			const { from: _from, ...rest } = filter;
			const page = await get<FleetEvents>(
				'/events',
				{ limit: 500, ...rest, arrivedAfter: before?.asOf ?? since ?? '' },
				signal,
			);
			const known = new Set(page.items.map((e) => e.id));
			const items = [...page.items, ...(before?.items ?? []).filter((e) => !known.has(e.id))];
			return { asOf: page.asOf, items: items.slice(0, MOST_FRESH) };
		},
		refetchInterval: 3000,
		gcTime: 0,
	});
};
