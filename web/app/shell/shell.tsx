/** What stands around every screen: the rail, the bar with search and live status, and the way to everything by keyboard. */
import { useQuery, useQueryErrorResetBoundary } from '@tanstack/react-query';
import { Link, Outlet, useRouterState, type LinkProps } from '@tanstack/react-router';
import { Component, Suspense, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { meQuery, type Me } from '../api/queries.ts';
import { rank, type Role } from '../../shared/permissions.ts';
import { Button } from '../ui/controls.tsx';
import { Icon, type IconName } from '../ui/icons.tsx';
import { Broken, Loading, Notice } from '../ui/states.tsx';
import { LiveBanner, LiveStatus } from './live_status.tsx';
import { Search } from './search.tsx';
import { AccountMenu } from './account_menu.tsx';
import css from './shell.module.css';

interface Item {
	to: NonNullable<LinkProps['to']>;
	icon: IconName;
	label: 'nav.fleet' | 'nav.commands' | 'nav.users' | 'nav.account';
	/** The least role that finds something there. */
	least: Role;
}

const items: readonly Item[] = [
	{ to: '/', icon: 'map', label: 'nav.fleet', least: 'viewer' },
	{ to: '/commands', icon: 'commands', label: 'nav.commands', least: 'viewer' },
	{ to: '/people', icon: 'users', label: 'nav.users', least: 'admin' },
	{ to: '/account', icon: 'account', label: 'nav.account', least: 'viewer' },
];

export function useMe(): Me | undefined {
	return useQuery(meQuery).data;
}

/** May this user do it somewhere? What exactly, the server decides. */
export function useAtLeast(role: Role): boolean {
	const me = useMe();
	return me !== undefined && rank(me.highest) >= rank(role);
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
						const here = item.to === '/' ? path === '/' || path.startsWith('/devices') : path.startsWith(item.to);
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
				<div className={css.screen}>
					{me.isError ? (
						<Broken error={me.error} retry={() => void me.refetch()} />
					) : (
						<FaultBoundary>
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

function Fault() {
	const { t } = useTranslation();
	useQueryErrorResetBoundary();
	return (
		<Notice
			icon="warning"
			title={t('broken.page')}
			action={<Button onPress={() => location.reload()}>{t('broken.reload')}</Button>}
		>
			{t('broken.pageHelp')}
		</Notice>
	);
}

/** A fault in a screen leaves the rail and the bar. */
class FaultBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
	override state = { failed: false };
	static getDerivedStateFromError() {
		return { failed: true };
	}
	override render() {
		return this.state.failed ? <Fault /> : this.props.children;
	}
}
