/** What stands around every screen: the rail, the bar with search and live status, and the way to everything by keyboard. */
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState, type LinkProps } from '@tanstack/react-router';
import { Suspense, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { meQuery, type Me } from '../api/queries.ts';
import { chooseLanguage } from '../i18n/index.ts';
import { isLanguage } from '../i18n/languages.ts';
import { setOwn } from '../i18n/own.ts';
import { rank, ROOT, type Role } from '../../shared/permissions.ts';
import { Icon, type IconName } from '../ui/icons.tsx';
import { Broken, Loading } from '../ui/states.tsx';
import { FaultBoundary } from './fault.tsx';
import { LiveBanner, LiveStatus } from './live_status.tsx';
import { Alarms } from './alarms.tsx';
import { Search } from './search.tsx';
import { AccountMenu } from './account_menu.tsx';
import css from './shell.module.css';

/** The tabs of Fleet health. */
export const healthPaths = ['/health', '/refused', '/quarantine', '/gateways'] as const;

interface Item {
	to: NonNullable<LinkProps['to']>;
	icon: IconName;
	label:
		| 'nav.fleet'
		| 'nav.health'
		| 'nav.events'
		| 'nav.devices'
		| 'nav.commands'
		| 'nav.install'
		| 'nav.users'
		| 'nav.account';
	/** The least role that finds something there. */
	least: Role;
	/** Screens that one gets to from there, by its tabs. */
	with?: readonly string[];
}

const items: readonly Item[] = [
	{ to: '/', icon: 'map', label: 'nav.fleet', least: 'viewer' },
	{ to: '/health', icon: 'health', label: 'nav.health', least: 'viewer', with: healthPaths },
	{ to: '/events', icon: 'bell', label: 'nav.events', least: 'viewer' },
	{ to: '/devices', icon: 'devices', label: 'nav.devices', least: 'installer', with: ['/models'] },
	{ to: '/commands', icon: 'commands', label: 'nav.commands', least: 'viewer' },
	{ to: '/install', icon: 'check', label: 'nav.install', least: 'installer' },
	{ to: '/people', icon: 'users', label: 'nav.users', least: 'admin', with: ['/audit', '/settings'] },
	{ to: '/account', icon: 'account', label: 'nav.account', least: 'viewer' },
];

export function useMe(): Me | undefined {
	return useQuery(meQuery).data;
}

function roleAtRoot(me: Me): Role | undefined {
	return me.roles.find((r) => r.group === ROOT)?.role;
}

export function useAtRoot(role: Role): boolean {
	const me = useMe();
	return me !== undefined && rank(roleAtRoot(me)) >= rank(role);
}

/** May this user do it somewhere? What exactly, the server decides. */
export function useAtLeast(role: Role): boolean {
	const me = useMe();
	return me !== undefined && rank(me.highest) >= rank(role);
}

/** The map, and one device: of both it is the way back. */
function isFleet(path: string): boolean {
	return path === '/' || /^\/devices\/\d/.test(path);
}

function Rail({ me }: { me: Me | undefined }) {
	const { t } = useTranslation();
	const path = useRouterState({ select: (s) => s.location.pathname });
	return (
		<nav className={css.rail} aria-label={t('nav.label')}>
			<Link to="/" className={css.brand} aria-label={t('product')}>
				<svg width="30" height="30" viewBox="0 0 32 32" aria-hidden="true">
					<path className={css.mark} d="M16 4 26 27 16 21.6 6 27Z" />
				</svg>
			</Link>
			<ul className={css.items}>
				{items
					.filter((item) => item.least === 'viewer' || (me !== undefined && rank(me.highest) >= rank(item.least)))
					.map((item) => {
						const here =
							item.to === '/'
								? isFleet(path)
								: !isFleet(path) && [item.to, ...(item.with ?? [])].some((to) => path.startsWith(to));
						return (
							<li key={item.to}>
								<Link to={item.to} className={css.item} aria-current={here ? 'page' : undefined}>
									<Icon name={item.icon} size={20} />
									<span>{t(item.label)}</span>
								</Link>
							</li>
						);
					})}
			</ul>
		</nav>
	);
}

export function Shell() {
	const { t } = useTranslation();
	const me = useQuery(meQuery);
	// Of the screen that is shown: the address changes before it.
	const shown = useRouterState({ select: (s) => s.matches.at(-1)?.id ?? '' });
	const locale = me.data?.locale;
	useEffect(() => {
		if (locale !== undefined) void chooseLanguage(locale !== null && isLanguage(locale) ? locale : null);
	}, [locale]);
	const settings = me.data?.settings;
	useEffect(() => {
		if (settings !== undefined) setOwn(settings);
	}, [settings]);
	return (
		<div className={css.shell}>
			<a href="#content" className={css.skip}>
				{t('skip')}
			</a>
			<Rail me={me.data} />
			<header className={css.bar}>
				<Search />
				<div className={css.right}>
					<LiveStatus />
					<AccountMenu me={me.data} />
				</div>
			</header>
			<main id="content" className={css.main} tabIndex={-1}>
				<LiveBanner />
				<Alarms me={me.data} />
				<div className={css.screen}>
					{me.data === undefined && me.isError ? (
						<Broken error={me.error} retry={() => void me.refetch()} />
					) : (
						<FaultBoundary of={shown}>
							<Suspense fallback={<Loading />}>
								<Outlet />
							</Suspense>
						</FaultBoundary>
					)}
				</div>
			</main>
		</div>
	);
}
