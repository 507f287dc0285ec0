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
import { codeOf } from './shell/code.ts';
import { Shell } from './shell/shell.tsx';
import { NoPage } from './ui/states.tsx';

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

export function statesOf(search: { state?: string | undefined }): State[] {
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

/** A screen whose code is fetched when it is first opened, or before (fetchScreens). */
function screen<M extends object, K extends keyof M & string>(load: () => Promise<M>, name: K) {
	return lazyRouteComponent(() => codeOf(load()), name);
}

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Shell });

const home = createRoute({
	getParentRoute: () => root,
	path: '/',
	validateSearch: fleetSearch,
	component: screen(() => import('./screens/fleet/fleet.tsx'), 'FleetScreen'),
});

const why = createRoute({
	getParentRoute: () => root,
	path: '/devices/$device/why',
	component: screen(() => import('./screens/silent/why.tsx'), 'WhyScreen'),
});

const history = createRoute({
	getParentRoute: () => root,
	path: '/devices/$device/history',
	validateSearch: (raw: Raw) =>
		only<{ from?: string; to?: string; values?: string; at?: string }>({
			// A moment, where its cursor is at first.
			at: text(raw['at']),
			from: text(raw['from']),
			to: text(raw['to']),
			values: text(raw['values']),
		}),
	component: screen(() => import('./screens/history/history.tsx'), 'HistoryScreen'),
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

export const deviceSorts = ['name', 'imei', 'urgency', 'silentSince', '-silentSince'] as const;
export type DeviceSort = (typeof deviceSorts)[number];

export interface DevicesSearch {
	q?: string;
	/** States, with commas. */
	state?: string;
	/** A group, or `none`. */
	group?: string;
	model?: string;
	/** Seconds. */
	silent?: number;
	sort?: DeviceSort;
	/** The device whose form is open. */
	edit?: string;
	/** The form of a new one is open. */
	add?: boolean;
}

const devices = createRoute({
	getParentRoute: () => root,
	path: '/devices',
	validateSearch: (raw: Raw): DevicesSearch => {
		const { q, state, group, model, silent } = fleetSearch(raw);
		return only<DevicesSearch>({
			q,
			state,
			group,
			model,
			silent,
			sort: deviceSorts.find((s) => s === raw['sort']),
			edit: /^\d{1,18}$/.exec(text(raw['edit']) ?? '')?.[0],
			add: raw['add'] === true || raw['add'] === 'true' ? true : undefined,
		});
	},
	component: screen(() => import('./screens/devices/devices.tsx'), 'DevicesScreen'),
});

const importDevices = createRoute({
	getParentRoute: () => root,
	path: '/devices/import',
	component: screen(() => import('./screens/devices/import.tsx'), 'ImportScreen'),
});

const models = createRoute({
	getParentRoute: () => root,
	path: '/models',
	validateSearch: (raw: Raw) =>
		only<{ family?: string; model?: string; q?: string }>({
			family: text(raw['family']),
			model: text(raw['model']),
			q: text(raw['q']),
		}),
	component: screen(() => import('./screens/models/models.tsx'), 'ModelsScreen'),
});

const commands = createRoute({
	getParentRoute: () => root,
	path: '/commands',
	validateSearch: (raw: Raw) =>
		only<{ status?: string; device?: string; id?: string }>({
			status: text(raw['status']),
			device: text(raw['device']),
			id: /^[1-9]\d{0,17}$/.exec(text(raw['id']) ?? '')?.[0],
		}),
	component: screen(() => import('./screens/commands/ledger.tsx'), 'CommandsScreen'),
});

const send = createRoute({
	getParentRoute: () => root,
	path: '/commands/send',
	validateSearch: (raw: Raw) =>
		only<{ to?: string; template?: string }>({ to: text(raw['to']), template: text(raw['template']) }),
	component: screen(() => import('./screens/commands/send.tsx'), 'SendScreen'),
});

const templates = createRoute({
	getParentRoute: () => root,
	path: '/commands/templates',
	validateSearch: (raw: Raw) =>
		only<{ edit?: string; add?: boolean }>({
			// The template whose form is open, or the form of a new one.
			edit: /^[1-9]\d{0,17}$/.exec(text(raw['edit']) ?? '')?.[0],
			add: raw['add'] === true || raw['add'] === 'true' ? true : undefined,
		}),
	component: screen(() => import('./screens/commands/templates.tsx'), 'TemplatesScreen'),
});

const refused = createRoute({
	getParentRoute: () => root,
	path: '/refused',
	validateSearch: (raw: Raw) => only<{ add?: string }>({ add: /^\d{15}$/.exec(text(raw['add']) ?? '')?.[0] }),
	component: screen(() => import('./screens/refused/refused.tsx'), 'RefusedScreen'),
});

export interface HealthSearch {
	kind?: string;
	group?: string;
	/** Seconds: the step of time that begins there. */
	over?: number;
}

const health = createRoute({
	getParentRoute: () => root,
	path: '/health',
	validateSearch: (raw: Raw) => {
		const over = Number(raw['over']);
		return only<HealthSearch>({
			kind: text(raw['kind']),
			group: text(raw['group']),
			over: raw['over'] !== undefined && Number.isInteger(over) && over >= 0 ? over : undefined,
		});
	},
	component: screen(() => import('./screens/health/health.tsx'), 'HealthScreen'),
});

export interface EventSearch {
	/** With commas. */
	severity?: string;
	kind?: string;
	group?: string;
	device?: string;
	/** Seconds. */
	last?: number;
	/** 2026-01-31 */
	day?: string;
}

const events = createRoute({
	getParentRoute: () => root,
	path: '/events',
	validateSearch: (raw: Raw) => {
		const last = Number(raw['last']);
		return only<EventSearch>({
			severity: text(raw['severity']),
			kind: text(raw['kind']),
			group: text(raw['group']),
			device: text(raw['device']),
			last: Number.isInteger(last) && last > 0 ? last : undefined,
			day: text(raw['day']),
		});
	},
	component: screen(() => import('./screens/events/events.tsx'), 'EventsScreen'),
});

const quarantine = createRoute({
	getParentRoute: () => root,
	path: '/quarantine',
	validateSearch: (raw: Raw) =>
		only<{ imei?: string; reason?: string; done?: 'true' }>({
			imei: /^\d{15}$/.exec(text(raw['imei']) ?? '')?.[0],
			reason: /^[a-z_]{1,40}$/.exec(text(raw['reason']) ?? '')?.[0],
			done: raw['done'] === 'true' ? 'true' : undefined,
		}),
	component: screen(() => import('./screens/quarantine/quarantine.tsx'), 'QuarantineScreen'),
});

const frame = createRoute({
	getParentRoute: () => root,
	path: '/quarantine/$frame',
	component: screen(() => import('./screens/quarantine/frame.tsx'), 'FrameScreen'),
});

const gateways = createRoute({
	getParentRoute: () => root,
	path: '/gateways',
	component: screen(() => import('./screens/gateways/gateways.tsx'), 'GatewaysScreen'),
});

const people = createRoute({
	getParentRoute: () => root,
	path: '/people',
	validateSearch: (raw: Raw) =>
		only<{ tab?: 'groups'; user?: string }>({
			tab: raw['tab'] === 'groups' ? 'groups' : undefined,
			user: text(raw['user']),
		}),
	component: screen(() => import('./screens/people/people.tsx'), 'PeopleScreen'),
});

const DAY = /^\d{4}-\d{2}-\d{2}$/;

export interface AuditSearch {
	user?: string;
	/** An action, or with a dot at its end all that begin so. */
	action?: string;
	/** kind:id */
	object?: string;
	/** Days of the user's zone, both inclusive. */
	from?: string;
	to?: string;
}

const audit = createRoute({
	getParentRoute: () => root,
	path: '/audit',
	validateSearch: (raw: Raw) =>
		only<AuditSearch>({
			user: /^\d{1,18}$/.exec(text(raw['user']) ?? '')?.[0],
			action: text(raw['action']),
			object: text(raw['object'])?.slice(0, 50),
			from: DAY.exec(text(raw['from']) ?? '')?.[0],
			to: DAY.exec(text(raw['to']) ?? '')?.[0],
		}),
	component: screen(() => import('./screens/audit/audit.tsx'), 'AuditScreen'),
});

const settings = createRoute({
	getParentRoute: () => root,
	path: '/settings',
	component: screen(() => import('./screens/settings/settings.tsx'), 'SettingsScreen'),
});

const install = createRoute({
	getParentRoute: () => root,
	path: '/install',
	validateSearch: (raw: Raw) => only<{ imei?: string }>({ imei: /^\d{15}$/.exec(text(raw['imei']) ?? '')?.[0] }),
	component: screen(() => import('./screens/install/install.tsx'), 'InstallScreen'),
});

const account = createRoute({
	getParentRoute: () => root,
	path: '/account',
	component: screen(() => import('./screens/account/account.tsx'), 'AccountScreen'),
});

const screens = [
	home,
	devices,
	importDevices,
	models,
	why,
	history,
	health,
	events,
	quarantine,
	frame,
	gateways,
	commands,
	send,
	templates,
	refused,
	people,
	audit,
	settings,
	install,
	account,
];

/** All screens' code, so that each opens while the server is away, to say so. */
export function fetchScreens(): void {
	// One that can't be fetched now is asked for again when it is opened.
	for (const { options } of screens) void options.component?.preload?.()?.catch(() => undefined);
}

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
		routeTree: root.addChildren([...screens, device]),
		context: { queries },
		defaultPreload: 'intent',
		defaultNotFoundComponent: NoPage,
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
