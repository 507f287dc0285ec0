/** Users: who they are, and what they may where. */
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { groupsQuery, usersQuery, type Group, type GroupRole } from '../../api/queries.ts';
import { ROOT } from '../../../shared/permissions.ts';
import { Button } from '../../ui/controls.tsx';
import { Alert, Broken, Loading } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { At } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';
import { LinkDialog, type MadeLink } from './link_dialog.tsx';
import { NewUserDialog, UserDialog } from './user_dialog.tsx';
import css from './people.module.css';

export function Users({ open }: { open: string | undefined }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const users = useQuery(usersQuery);
	const groups = useQuery(groupsQuery).data ?? [];
	const [adding, setAdding] = useState(false);
	const [link, setLink] = useState<MadeLink | null>(null);
	if (users.data === undefined)
		return users.isError ? <Broken error={users.error} retry={() => void users.refetch()} /> : <Loading lines={8} />;
	const editing = users.data.find((u) => u.id === open);
	const show = (user: string | undefined) =>
		void navigate({ to: '/people', search: user === undefined ? {} : { user } });
	return (
		<>
			<div className={css.bar}>
				<Button kind="primary" icon="plus" onPress={() => setAdding(true)}>
					{t('people.add')}
				</Button>
			</div>
			{open !== undefined && editing === undefined && <Alert>{t('people.noUser')}</Alert>}
			<section className={page.card}>
				<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
					<thead>
						<tr>
							<th scope="col">{t('people.name')}</th>
							<th scope="col">{t('people.login')}</th>
							<th scope="col">{t('people.roles')}</th>
							<th scope="col">{t('people.created')}</th>
						</tr>
					</thead>
					<tbody>
						{users.data.map((u) => (
							<tr key={u.id} className={css.user} data-off={u.disabled}>
								<td>
									<button
										type="button"
										className={`${css.name ?? ''} ${page.touch ?? ''}`}
										aria-label={t('people.edit', { name: u.name })}
										onClick={() => show(u.id)}
									>
										{u.name}
									</button>{' '}
									{u.disabled && <Chip>{t('people.disabled')}</Chip>}
									{!u.disabled && !u.hasPassword && <Chip tone="warning">{t('people.noPassword')}</Chip>}
								</td>
								<td className={page.mono}>{u.login}</td>
								<td data-wide>
									<Rights roles={u.roles} groups={groups} />
								</td>
								<td data-name={t('people.created')} data-wide>
									{u.createdAt !== null && <At at={u.createdAt} />}
								</td>
							</tr>
						))}
					</tbody>
				</table>
			</section>
			{adding && (
				<NewUserDialog
					groups={groups}
					onClose={() => setAdding(false)}
					onLink={(made) => {
						setAdding(false);
						setLink(made);
					}}
				/>
			)}
			{editing !== undefined && (
				<UserDialog
					key={editing.id}
					user={editing}
					groups={groups}
					onClose={() => show(undefined)}
					onLink={(made) => {
						show(undefined);
						setLink(made);
					}}
				/>
			)}
			{link !== null && <LinkDialog made={link} onClose={() => setLink(null)} />}
		</>
	);
}

export function Rights({ roles: given, groups }: { roles: readonly GroupRole[]; groups: readonly Group[] }) {
	const { t } = useTranslation();
	if (given.length === 0) return <span className={page.faint}>{t('people.noRoles')}</span>;
	return (
		<ul className={css.rights}>
			{given.map((r) => (
				<li key={r.group}>
					<strong>{t(`people.${r.role}`)}</strong>{' '}
					<span className={page.soft}>
						{r.group === ROOT ? t('people.everywhere') : (groups.find((g) => g.id === r.group)?.name ?? r.group)}
					</span>
				</li>
			))}
		</ul>
	);
}
