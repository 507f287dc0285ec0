/** What the quarantine asks the server for. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type * as O from '../../shared/operations.ts';
import type { DictionaryEntry } from '../../shared/dictionary.ts';
import { get } from './client.ts';
import type { Page } from './queries.ts';

export type Frame = z.infer<typeof O.Frame>;
export type FrameContent = z.infer<typeof O.FrameContent>;
export type MarkResult = z.infer<typeof O.MarkResult>;
export type Mark = 'decode' | 'drop';

export interface FrameFilter {
	imei?: string | undefined;
	reason?: string | undefined;
	done?: 'true' | undefined;
}

export const framesQuery = (filter: FrameFilter) =>
	infiniteQueryOptions({
		queryKey: ['quarantine', 'list', filter],
		initialPageParam: null as string | null,
		queryFn: ({ signal, pageParam }) =>
			get<Page<Frame>>('/quarantine', { limit: 50, ...filter, cursor: pageParam }, signal),
		getNextPageParam: (page) => page.next,
		placeholderData: keepPreviousData,
		refetchInterval: 10_000,
	});

/** What becomes of those that were marked: asked for until the gateway has booked all of them. */
export const markedQuery = (ids: readonly string[]) =>
	queryOptions({
		queryKey: ['quarantine', 'marked', ids],
		queryFn: ({ signal }) =>
			get<Page<Frame>>('/quarantine', { ids: ids.join(','), done: 'true', limit: ids.length }, signal),
		enabled: ids.length > 0,
		placeholderData: keepPreviousData,
		select: (page) => page.items,
		refetchInterval: ({ state }) => (state.data?.items.every((f) => f.request === null) === true ? false : 2000),
	});

export const frameQuery = (id: string) =>
	queryOptions({
		queryKey: ['quarantine', 'frame', id],
		queryFn: ({ signal }) => get<FrameContent>(`/quarantine/${id}`, {}, signal),
		// While a gateway has something to do with it, one waits for what becomes of it.
		refetchInterval: ({ state }) => (state.data !== undefined && state.data.request !== null ? 2000 : false),
	});

/** Names of elements, where the dictionary has one name for the id. */
export const elementNamesQuery = (ids: readonly string[]) =>
	queryOptions({
		queryKey: ['dictionary', ids],
		queryFn: ({ signal }) =>
			get<Page<z.infer<typeof DictionaryEntry>>>('/dictionary', { ids: ids.slice(0, 100).join(',') }, signal),
		enabled: ids.length > 0,
		staleTime: Infinity,
		select: (page) => {
			const names = new Map<string, string | null>();
			for (const { id, name } of page.items) {
				const known = names.get(String(id));
				names.set(String(id), known === undefined || known === name ? name : null);
			}
			return names;
		},
	});
