/** Users and groups: who may what, and where. */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { meQuery } from '../../api/queries.ts';
import { rank } from '../../../shared/permissions.ts';
import { Forbidden, Loading } from '../../ui/states.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { AdminTabs } from './admin_tabs.tsx';
import { Groups } from './groups.tsx';
import { Users } from './users.tsx';

const route = getRouteApi('/people');

export function PeopleScreen() {
	const { t } = useTranslation();
	const { tab, user } = route.useSearch();
	const me = useQuery(meQuery).data;
	useTitle(tab === 'groups' ? t('people.groups') : t('people.users'));
	if (me === undefined) return <Loading />;
	if (rank(me.highest) < rank('admin')) return <Forbidden />;
	return (
		<div className={page.page}>
			<header className={page.head}>
				<h1 className={page.title}>{t('nav.users')}</h1>
			</header>
			<AdminTabs here={tab === 'groups' ? 'groups' : 'users'} />
			{tab === 'groups' ? <Groups /> : <Users open={user} />}
		</div>
	);
}
