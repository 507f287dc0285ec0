/** Addresses. The address is the view: whoever opens it sees the same. Each screen is fetched when it is first opened. */
import {
	createRootRouteWithContext,
	createRoute,
	createRouter,
	lazyRouteComponent,
	redirect,
} from '@tanstack/react-router';
import type { QueryClient } from '@tanstack/react-query';
import { states, type State } from '../shared/state.ts';
import { sorts, type Sort } from './live/filter.ts';
import { Shell } from './shell/shell.tsx';

type Raw = Record<string, unknown>;

function text(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function only<T extends object>(values: { [K in keyof T]: T[K] | undefined }): T {
	return Object.fromEntries(Object.entries(values).filter(([, v]) => v !== undefined)) as T;
}

export interface FleetSearch {
	q?: string;
	/** States, with commas. */
	state?: string;
	group?: string;
	model?: string;
	/** Seconds. */
	silent?: number;
	sort?: Sort;
	/** The chosen device. */
	device?: string;
	follow?: boolean;
	/** latitude,longitude,zoom */
	at?: string;
	/** On a phone: the list instead of the map. */
	view?: 'list';
}

export function statesOf(search: FleetSearch): State[] {
	const named = (search.state ?? '').split(',');
	return states.filter((s) => named.includes(s));
}

function fleetSearch(raw: Raw): FleetSearch {
	const silent = Number(raw['silent']);
	return only<FleetSearch>({
		q: text(raw['q']),
		state: text(raw['state']),
		group: text(raw['group']),
		model: text(raw['model']),
		silent: Number.isFinite(silent) && silent > 0 ? silent : undefined,
		sort: sorts.find((s) => s === raw['sort']),
		device: text(raw['device']),
		follow: raw['follow'] === true || raw['follow'] === 'true' ? true : undefined,
		at: text(raw['at']),
		view: raw['view'] === 'list' ? 'list' : undefined,
	});
}

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Shell });

const home = createRoute({
	getParentRoute: () => root,
	path: '/',
	validateSearch: fleetSearch,
	component: lazyRouteComponent(() => import('./screens/fleet/fleet.tsx'), 'FleetScreen'),
});

const why = createRoute({
	getParentRoute: () => root,
	path: '/devices/$device/why',
	component: lazyRouteComponent(() => import('./screens/silent/why.tsx'), 'WhyScreen'),
});

/** A device has no screen of its own: the sheet beside the map. */
const device = createRoute({
	getParentRoute: () => root,
	path: '/devices/$device',
	beforeLoad: ({ params }) => {
		// eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
		throw redirect({ to: '/', search: { device: params.device } });
	},
});

const commands = createRoute({
	getParentRoute: () => root,
	path: '/commands',
	validateSearch: (raw: Raw) =>
		only<{ status?: string; device?: string; id?: string }>({
			status: text(raw['status']),
			device: text(raw['device']),
			id: text(raw['id']),
		}),
	component: lazyRouteComponent(() => import('./screens/commands/ledger.tsx'), 'CommandsScreen'),
});

const send = createRoute({
	getParentRoute: () => root,
	path: '/commands/send',
	validateSearch: (raw: Raw) =>
		only<{ to?: string; template?: string }>({ to: text(raw['to']), template: text(raw['template']) }),
	component: lazyRouteComponent(() => import('./screens/commands/send.tsx'), 'SendScreen'),
});

const people = createRoute({
	getParentRoute: () => root,
	path: '/people',
	validateSearch: (raw: Raw) =>
		only<{ tab?: 'groups'; user?: string }>({
			tab: raw['tab'] === 'groups' ? 'groups' : undefined,
			user: text(raw['user']),
		}),
	component: lazyRouteComponent(() => import('./screens/people/people.tsx'), 'PeopleScreen'),
});

const account = createRoute({
	getParentRoute: () => root,
	path: '/account',
	component: lazyRouteComponent(() => import('./screens/account/account.tsx'), 'AccountScreen'),
});

/** Addresses that one can read and type: plain texts, commas as they are. */
function parseSearch(search: string): Raw {
	return Object.fromEntries(new URLSearchParams(search));
}

function stringifySearch(search: Raw): string {
	const params = new URLSearchParams();
	for (const [key, value] of Object.entries(search))
		if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
			params.set(key, String(value));
	const said = params.toString().replaceAll('%2C', ',');
	return said === '' ? '' : `?${said}`;
}

export function makeRouter(queries: QueryClient) {
	return createRouter({
		routeTree: root.addChildren([home, device, why, commands, send, people, account]),
		context: { queries },
		defaultPreload: 'intent',
		scrollRestoration: false,
		parseSearch,
		stringifySearch,
	});
}

declare module '@tanstack/react-router' {
	interface Register {
		router: ReturnType<typeof makeRouter>;
	}
}
