/** What the history of a device is asked for. A past that is over doesn't change, but for records that come late. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type * as H from '../../shared/history.ts';
import { decodeTrack } from '../../shared/track.ts';
import { get, getBytes } from './client.ts';
import type { DeviceEvent, Page } from './queries.ts';

export type History = z.infer<typeof H.History>;
export type Trip = z.infer<typeof H.Trip>;
export type Stop = z.infer<typeof H.Stop>;
export type Gap = z.infer<typeof H.Gap>;
export type Series = z.infer<typeof H.Series>;
export type Element = z.infer<typeof H.Element>;

/** Milliseconds since the epoch. */
export interface Range {
	from: number;
	to: number;
}

/** What is still going on is asked for again. */
const AGAIN_MS = 30_000;

function asked(range: Range) {
	const running = range.to > Date.now();
	return {
		query: { from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() },
		refetchInterval: running ? AGAIN_MS : (false as const),
		staleTime: running ? AGAIN_MS / 2 : 5 * 60_000,
	};
}

export const historyQuery = (device: string, range: Range) => {
	const { query, ...rest } = asked(range);
	return queryOptions({
		queryKey: ['device', device, 'history', range],
		queryFn: ({ signal }) => get<History>(`/devices/${device}/history`, query, signal),
		...rest,
	});
};

/** `box` and `zoom`: what the map shows, once the whole is too coarse for it. */
export const trackQuery = (device: string, range: Range, view: { box: string; zoom: number } | null) => {
	const { query, ...rest } = asked(range);
	return queryOptions({
		queryKey: ['device', device, 'track', range, view],
		queryFn: async ({ signal }) =>
			decodeTrack(await getBytes(`/devices/${device}/track`, { ...query, ...(view ?? {}) }, signal)),
		placeholderData: (before, query) =>
			JSON.stringify(query?.queryKey.slice(0, 4)) === JSON.stringify(['device', device, 'track', range])
				? before
				: undefined,
		...rest,
	});
};

export const elementsQuery = (device: string, range: Range) => {
	const { query, ...rest } = asked(range);
	return queryOptions({
		queryKey: ['device', device, 'elements', range],
		queryFn: ({ signal }) => get<Page<Element>>(`/devices/${device}/elements`, query, signal),
		select: (page) => page.items,
		...rest,
	});
};

export const seriesQuery = (device: string, range: Range, of: readonly string[]) => {
	const { query, ...rest } = asked(range);
	return queryOptions({
		queryKey: ['device', device, 'series', range, of],
		queryFn: ({ signal }) =>
			get<z.infer<typeof H.SeriesAnswer>>(`/devices/${device}/series`, { ...query, of: of.join(',') }, signal),
		placeholderData: keepPreviousData,
		...rest,
	});
};

export const alongQuery = (device: string, range: Range) => {
	const { query, ...rest } = asked(range);
	return queryOptions({
		queryKey: ['device', device, 'along', range],
		queryFn: ({ signal }) => get<Page<DeviceEvent>>(`/devices/${device}/events`, { ...query, limit: 500 }, signal),
		select: (page) => page.items.toReversed(),
		...rest,
	});
};

export const daysQuery = (device: string, month: string, zone: string) =>
	queryOptions({
		queryKey: ['device', device, 'days', month, zone],
		queryFn: ({ signal }) => get<{ items: string[] }>(`/devices/${device}/days`, { month, zone }, signal),
		select: (answer) => new Set(answer.items),
		staleTime: 60_000,
	});
