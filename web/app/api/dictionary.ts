/** What screens ask the dictionary for: models, families, and what elements mean. */
import { queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type * as D from '../../shared/dictionary.ts';
import { get } from './client.ts';
import type { Page } from './queries.ts';

export type Model = z.infer<typeof D.Model>;
export type Family = z.infer<typeof D.Family>;
export type DictionaryEntry = z.infer<typeof D.DictionaryEntry>;

/** Of one's own devices. */
export const ownModelsQuery = queryOptions({
	queryKey: ['models'],
	queryFn: ({ signal }) => get<Page<Model>>('/models', { limit: 500 }, signal),
	staleTime: 60_000,
	select: (page) => page.items,
});

export const familiesQuery = queryOptions({
	queryKey: ['families'],
	queryFn: ({ signal }) => get<Page<Family>>('/families', {}, signal),
	staleTime: Infinity,
	select: (page) => page.items,
});

export const elementsQuery = (family: string) =>
	queryOptions({
		queryKey: ['elements', family],
		queryFn: ({ signal }) => get<Page<DictionaryEntry>>('/dictionary', { family }, signal),
		staleTime: Infinity,
		select: (page) => page.items,
	});
