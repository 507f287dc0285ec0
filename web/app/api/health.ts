/** What Fleet health and its tabs ask the server for. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type * as O from '../../shared/operations.ts';
import { get } from './client.ts';
import type { Page } from './queries.ts';

export type Silent = z.infer<typeof O.Silent>;
export type SilentDevice = z.infer<typeof O.SilentDevice>;
export type SilentKind = z.input<typeof O.SilentQuery>['kind'] & string;

export type Gateway = z.infer<typeof O.Gateway>;
export type GatewayReport = z.infer<typeof O.GatewayReport>;

export interface HealthFilter {
	kind: SilentKind;
	group?: string | undefined;
	overS?: number | undefined;
	underS?: number | undefined;
	limit?: number | undefined;
}

/** The server looks anew every ten seconds, whoever asks. */
export const healthQuery = (filter: HealthFilter) =>
	infiniteQueryOptions({
		queryKey: ['health', filter],
		initialPageParam: null as string | null,
		queryFn: ({ signal, pageParam }) =>
			get<Silent>('/fleet/silent', { limit: 50, ...filter, cursor: pageParam }, signal),
		getNextPageParam: (page) => page.next,
		placeholderData: keepPreviousData,
		refetchInterval: 10_000,
	});

export const gatewaysQuery = queryOptions({
	queryKey: ['gateways'],
	queryFn: ({ signal }) => get<Page<Gateway>>('/gateways', {}, signal),
	select: (page) => page.items,
	refetchInterval: 5000,
});
