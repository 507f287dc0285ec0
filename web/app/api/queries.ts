/** What screens ask the server for. Types are those of the schemas; nothing of zod comes into the browser. */
import { keepPreviousData, queryOptions, infiniteQueryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type * as S from '../../shared/schemas.ts';
import type { MapSetting } from '../../shared/map_setting.ts';
import { decodeTrack } from '../../shared/track.ts';
import type * as Operations from '../../shared/operations.ts';
import { ApiProblem, get, getBytes } from './client.ts';

export type Me = z.infer<typeof S.Me>;
export type Device = z.infer<typeof S.Device>;
export type FoundDevices = z.infer<typeof S.FoundDevices>;
export type DeviceState = z.infer<typeof S.DeviceState>;
export type DeviceEvent = z.infer<typeof S.DeviceEvent>;
export type Why = z.infer<typeof S.Why>;
export type PastSession = z.infer<typeof S.PastSession>;
export type FleetSummary = z.infer<typeof S.FleetSummary>;
export type Command = z.infer<typeof S.Command>;
export type CommandStatus = z.infer<typeof S.CommandStatus>;
export type Template = z.infer<typeof S.Template>;
export type BulkResult = z.infer<typeof S.BulkResult>;
export type Group = z.infer<typeof S.Group>;
export type User = z.infer<typeof S.User>;
export type GroupRole = z.infer<typeof S.GroupRole>;
export type Refused = z.infer<typeof S.Refused>;
export type OwnSession = z.infer<typeof S.OwnSession>;
export type OneTimeLink = z.infer<typeof S.OneTimeLink>;
export type Token = z.infer<typeof Operations.Token>;
export type NewToken = z.infer<typeof Operations.NewToken>;
export type AuditEntry = z.infer<typeof S.AuditEntry>;
export interface Page<T> {
	items: T[];
	next: string | null;
}

/** All pages of a list that one needs whole. */
async function getAll<T>(path: string, signal: AbortSignal): Promise<T[]> {
	const all: T[] = [];
	for (let cursor: string | null | undefined; cursor !== null; ) {
		const page: Page<T> = await get<Page<T>>(path, { limit: 500, ...(cursor === undefined ? {} : { cursor }) }, signal);
		all.push(...page.items);
		cursor = page.next;
	}
	return all;
}

/** What will not be better by asking again at once. */
export function retry(failures: number, error: unknown): boolean {
	if (error instanceof ApiProblem && error.status < 500) return false;
	return failures < 2;
}

export const meQuery = queryOptions({
	queryKey: ['me'],
	queryFn: ({ signal }) => get<Me>('/me', {}, signal),
	staleTime: 60_000,
});

export const groupsQuery = queryOptions({
	queryKey: ['groups'],
	queryFn: ({ signal }) => getAll<Group>('/groups', signal),
	staleTime: 60_000,
});

export const usersQuery = queryOptions({
	queryKey: ['users'],
	queryFn: ({ signal }) => get<Page<User>>('/users', { limit: 500 }, signal),
	select: (page) => page.items,
});

export const templatesQuery = queryOptions({
	queryKey: ['templates'],
	queryFn: ({ signal }) => getAll<Template>('/command-templates', signal),
	staleTime: 60_000,
});

export const sessionsQuery = queryOptions({
	queryKey: ['own-sessions'],
	queryFn: ({ signal }) => get<Page<OwnSession>>('/me/sessions', {}, signal),
	select: (page) => page.items,
});

export const tokensQuery = queryOptions({
	queryKey: ['tokens'],
	queryFn: ({ signal }) => get<Page<Token>>('/tokens', { limit: 100 }, signal),
	select: (page) => page.items,
});

/** Decoded state; the live frame tells when it is worth asking again, `every` is for when it doesn't. */
export const deviceStateQuery = (device: string) =>
	queryOptions({
		queryKey: ['device', device, 'state'],
		queryFn: ({ signal }) => get<DeviceState>(`/devices/${device}/state`, {}, signal),
		refetchInterval: 5000,
		placeholderData: keepPreviousData,
	});

export const deviceEventsQuery = (device: string, limit: number) =>
	queryOptions({
		queryKey: ['device', device, 'events', limit],
		queryFn: ({ signal }) => get<Page<DeviceEvent>>(`/devices/${device}/events`, { limit }, signal),
		refetchInterval: 15_000,
		placeholderData: keepPreviousData,
		select: (page) => page.items,
	});

export const whyQuery = (device: string) =>
	queryOptions({
		queryKey: ['device', device, 'why'],
		queryFn: ({ signal }) => get<Why>(`/devices/${device}/why`, {}, signal),
		refetchInterval: 30_000,
	});

export interface PastSessions {
	/** Newest first. */
	items: PastSession[];
	/** There are older ones in the time that was asked for. */
	more: boolean;
}

/** Pages of 500: more sessions than these nobody tells apart. */
const MOST_PAGES = 4;

/** Those that have ended since `from`, in milliseconds. */
export const pastSessionsQuery = (device: string, from: number) =>
	queryOptions({
		queryKey: ['device', device, 'sessions', from],
		queryFn: async ({ signal }): Promise<PastSessions> => {
			const items: PastSession[] = [];
			let cursor: string | null = null;
			for (let n = 0; n < MOST_PAGES; n++) {
				const page: Page<PastSession> = await get(`/devices/${device}/sessions`, { limit: 500, cursor }, signal);
				items.push(...page.items);
				const last = page.items.at(-1);
				cursor = page.next;
				if (cursor === null || last === undefined || (last.to !== null && Date.parse(last.to) < from))
					return { items, more: false };
			}
			return { items, more: true };
		},
	});

export const deviceQuery = (device: string) =>
	queryOptions({
		queryKey: ['device', device, 'row'],
		queryFn: ({ signal }) => get<Device>(`/devices/${device}`, {}, signal),
	});

/** For choosing devices by typing: the server searches. */
export const deviceSearchQuery = (q: string) =>
	queryOptions({
		queryKey: ['device', 'search', q],
		queryFn: ({ signal }) => get<Page<Device>>('/devices', { q, limit: 8 }, signal),
		placeholderData: keepPreviousData,
		select: (page) => page.items,
	});

/** The filter of map and list, as the server takes it. */
export interface DeviceFilter {
	q?: string | undefined;
	/** With commas. */
	state?: string | undefined;
	group?: string | undefined;
	model?: string | undefined;
	silentForS?: number | undefined;
}

/** Pages that are asked for again while they are looked at; farther down, what has been read stays as it was. */
const FRESH_PAGES = 3;

export const foundQuery = (filter: DeviceFilter & { sort: string }) =>
	infiniteQueryOptions({
		queryKey: ['device', 'found', filter],
		initialPageParam: null as string | null,
		queryFn: ({ signal, pageParam }) =>
			get<FoundDevices>('/devices', { limit: 60, ...filter, cursor: pageParam }, signal),
		getNextPageParam: (page) => page.next,
		placeholderData: keepPreviousData,
		refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) <= FRESH_PAGES ? 5000 : false),
	});

/** Where a device was in the last hour. */
export const trailQuery = (device: string) =>
	queryOptions({
		queryKey: ['device', device, 'trail'],
		queryFn: async ({ signal }) =>
			decodeTrack(await getBytes(`/devices/${device}/track`, { from: 'now-1h', zoom: 15 }, signal)),
		// What comes later is seen on the map.
		staleTime: Infinity,
		gcTime: 0,
	});

export const settingsQuery = queryOptions({
	queryKey: ['settings'],
	queryFn: ({ signal }) => get<{ map: MapSetting }>('/settings', {}, signal),
	staleTime: Infinity,
});

export interface Configuration {
	items: { key: string; value: string | null; set: boolean; secret: boolean }[];
	signIn: { windowS: number; perAddress: number; perName: number; perNameAndAddress: number; perSecond: number };
	historyFrom: string | null;
}

export const configurationQuery = queryOptions({
	queryKey: ['settings', 'configuration'],
	queryFn: ({ signal }) => get<Configuration>('/settings/configuration', {}, signal),
});

/** How many devices one may see, in which states, of which models. */
export const summaryQuery = queryOptions({
	queryKey: ['fleet', 'summary'],
	queryFn: ({ signal }) => get<FleetSummary>('/fleet/summary', {}, signal),
	staleTime: 60_000,
});

/** The models that one's devices have, where the page doesn't know them all. */
export const modelsQuery = queryOptions({ ...summaryQuery, select: (summary: FleetSummary) => summary.models });

export interface CommandFilter {
	status?: string | undefined;
	device?: string | undefined;
	limit?: number | undefined;
}

export const commandsQuery = (filter: CommandFilter) =>
	infiniteQueryOptions({
		queryKey: ['commands', filter],
		initialPageParam: null as string | null,
		queryFn: ({ signal, pageParam }) =>
			get<Page<Command>>('/commands', { limit: 50, ...filter, cursor: pageParam }, signal),
		getNextPageParam: (page) => page.next,
		refetchInterval: 20_000,
	});

export interface AuditFilter {
	user?: string | undefined;
	action?: string | undefined;
	object?: string | undefined;
	from?: string | undefined;
	to?: string | undefined;
}

export const auditQuery = (filter: AuditFilter) =>
	infiniteQueryOptions({
		queryKey: ['audit', filter],
		initialPageParam: null as string | null,
		queryFn: ({ signal, pageParam }) =>
			get<Page<AuditEntry>>('/audit', { limit: 50, ...filter, cursor: pageParam }, signal),
		getNextPageParam: (page) => page.next,
		// Whoever comes back to it looks for what was done just now.
		staleTime: 0,
	});

export const commandQuery = (id: string) =>
	queryOptions({
		queryKey: ['commands', 'one', id],
		queryFn: ({ signal }) => get<Command>(`/commands/${id}`, {}, signal),
		refetchInterval: 20_000,
	});

/** Newest first, while they call: asked for again all the time. */
export const refusedQuery = infiniteQueryOptions({
	queryKey: ['refused'],
	initialPageParam: null as string | null,
	queryFn: ({ signal, pageParam }) => get<Page<Refused>>('/rejected', { limit: 50, cursor: pageParam }, signal),
	getNextPageParam: (page) => page.next,
	refetchInterval: 4000,
});

/** For the check of one that may not be registered yet: then it is null, which is no error and is asked for again. */
export const installStateQuery = (imei: string) =>
	queryOptions({
		queryKey: ['device', `imei:${imei}`, 'install'],
		queryFn: ({ signal }) =>
			get<DeviceState>(`/devices/imei:${imei}/state`, {}, signal).catch((error: unknown) => {
				if (error instanceof ApiProblem && error.status === 404) return null;
				throw error;
			}),
		refetchInterval: 2000,
	});

/** Was a certain one turned away lately? */
export const refusedOfQuery = (imei: string) =>
	queryOptions({
		queryKey: ['refused', 'of', imei],
		queryFn: ({ signal }) => get<Page<Refused>>('/rejected', { limit: 200 }, signal),
		refetchInterval: 2000,
		select: (page) => page.items.find((r) => r.imei === imei),
	});
