/** What screens ask the server for. Types are those of the schemas; nothing of zod comes into the browser. */
import { keepPreviousData, queryOptions, infiniteQueryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type * as S from '../../shared/schemas.ts';
import { ApiProblem, get } from './client.ts';

export type Me = z.infer<typeof S.Me>;
export type Device = z.infer<typeof S.Device>;
export type DeviceState = z.infer<typeof S.DeviceState>;
export type DeviceEvent = z.infer<typeof S.DeviceEvent>;
export type Why = z.infer<typeof S.Why>;
export type PastSession = z.infer<typeof S.PastSession>;
export type Command = z.infer<typeof S.Command>;
export type CommandStatus = z.infer<typeof S.CommandStatus>;
export type Template = z.infer<typeof S.Template>;
export type BulkResult = z.infer<typeof S.BulkResult>;
export type Group = z.infer<typeof S.Group>;
export type User = z.infer<typeof S.User>;
export type GroupRole = z.infer<typeof S.GroupRole>;
export type OwnSession = z.infer<typeof S.OwnSession>;
export type OneTimeLink = z.infer<typeof S.OneTimeLink>;
export interface Page<T> {
	items: T[];
	next: string | null;
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
	queryFn: ({ signal }) => get<Page<Group>>('/groups', { limit: 500 }, signal),
	staleTime: 60_000,
	select: (page) => page.items,
});

export const usersQuery = queryOptions({
	queryKey: ['users'],
	queryFn: ({ signal }) => get<Page<User>>('/users', { limit: 500 }, signal),
	select: (page) => page.items,
});

export const templatesQuery = queryOptions({
	queryKey: ['templates'],
	queryFn: ({ signal }) => get<Page<Template>>('/command-templates', { limit: 500 }, signal),
	staleTime: 60_000,
	select: (page) => page.items,
});

export const sessionsQuery = queryOptions({
	queryKey: ['own-sessions'],
	queryFn: ({ signal }) => get<Page<OwnSession>>('/me/sessions', {}, signal),
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

export const deviceEventsQuery = (device: string) =>
	queryOptions({
		queryKey: ['device', device, 'events'],
		queryFn: ({ signal }) => get<Page<DeviceEvent>>(`/devices/${device}/events`, { limit: 8 }, signal),
		refetchInterval: 15_000,
		select: (page) => page.items,
	});

export const whyQuery = (device: string) =>
	queryOptions({
		queryKey: ['device', device, 'why'],
		queryFn: ({ signal }) => get<Why>(`/devices/${device}/why`, {}, signal),
		refetchInterval: 30_000,
	});

export const pastSessionsQuery = (device: string) =>
	queryOptions({
		queryKey: ['device', device, 'sessions'],
		queryFn: ({ signal }) => get<Page<PastSession>>(`/devices/${device}/sessions`, { limit: 100 }, signal),
		select: (page) => page.items,
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
