/** Users and groups: who may what, and where. */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { meQuery } from '../../api/queries.ts';
import { rank } from '../../../shared/permissions.ts';
import { Loading, Notice } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { Groups } from './groups.tsx';
import { Users } from './users.tsx';

const route = getRouteApi('/people');

export function PeopleScreen() {
	const { t } = useTranslation();
	const { tab, user } = route.useSearch();
	const me = useQuery(meQuery).data;
	if (me === undefined) return <Loading />;
	if (rank(me.highest) < rank('admin'))
		return (
			<Notice icon="key" title={t('broken.forbidden')}>
				{t('broken.forbiddenHelp')}
			</Notice>
		);
	return (
		<div className={page.page}>
			<header className={page.head}>
				<h1 className={page.title}>{t('nav.users')}</h1>
			</header>
			<nav className={page.tabs} aria-label={t('nav.users')}>
				<Link to="/people" search={{}} className={page.tab} aria-current={tab === undefined ? 'page' : undefined}>
					{t('people.users')}
				</Link>
				<Link
					to="/people"
					search={{ tab: 'groups' }}
					className={page.tab}
					aria-current={tab === 'groups' ? 'page' : undefined}
				>
					{t('people.groups')}
				</Link>
			</nav>
			{tab === 'groups' ? <Groups /> : <Users open={user} />}
		</div>
	);
}
