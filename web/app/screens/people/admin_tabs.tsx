/** What an administrator has: users, groups, the audit log, the settings. */
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import page from '../../ui/page.module.css';

/** Else the router calls two tabs of one path the present page. */
const onlyThis = { exact: true, includeSearch: true };

const tabs = [
	{ id: 'users', to: '/people', search: {}, label: 'people.users' },
	{ id: 'groups', to: '/people', search: { tab: 'groups' }, label: 'people.groups' },
	{ id: 'audit', to: '/audit', search: {}, label: 'audit.title' },
	{ id: 'settings', to: '/settings', search: {}, label: 'settings.title' },
] as const;

export function AdminTabs({ here }: { here: (typeof tabs)[number]['id'] }) {
	const { t } = useTranslation();
	return (
		<nav className={page.tabs} aria-label={t('nav.users')}>
			{tabs.map((tab) => (
				<Link
					key={tab.id}
					to={tab.to}
					search={tab.search}
					activeOptions={onlyThis}
					className={page.tab}
					aria-current={tab.id === here ? 'page' : undefined}
				>
					{t(tab.label)}
				</Link>
			))}
		</nav>
	);
}
