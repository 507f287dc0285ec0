/** Groups: a tree; rights on one hold for all below it. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { inOrder, treeOf } from '../../api/group_tree.ts';
import { groupsQuery, type Group } from '../../api/queries.ts';
import { ROOT } from '../../../shared/permissions.ts';
import { Button } from '../../ui/controls.tsx';
import { Broken, Loading } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { GroupDialog } from './group_dialog.tsx';
import css from './people.module.css';

export function Groups() {
	const { t } = useTranslation();
	const groups = useQuery(groupsQuery);
	const [editing, setEditing] = useState<Group | 'new' | null>(null);
	if (groups.data === undefined)
		return groups.isError ? <Broken error={groups.error} retry={() => void groups.refetch()} /> : <Loading lines={6} />;
	const all = groups.data;
	return (
		<>
			<div className={css.bar}>
				<Button kind="primary" icon="plus" onPress={() => setEditing('new')}>
					{t('people.addGroup')}
				</Button>
			</div>
			<section className={page.card}>
				<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
					<thead>
						<tr>
							<th scope="col">{t('people.group')}</th>
							<th scope="col">{t('people.devices')}</th>
							<th scope="col">{t('people.yourRole')}</th>
							<th scope="col">
								<span className="unseen">{t('people.change')}</span>
							</th>
						</tr>
					</thead>
					<tbody>
						{inOrder(treeOf(all)).map(({ group, devices, depth }) => (
							<tr key={group.id}>
								<td>
									<span className={css.branch} data-depth={Math.min(depth, 3)}>
										<Link
											to="/"
											search={group.id === ROOT ? {} : { group: group.id }}
											className={`${css.groupName ?? ''} ${page.touch ?? ''}`}
										>
											{group.id === ROOT ? t('people.everywhere') : group.name}
										</Link>
									</span>
								</td>
								<td>{t('fleet.count', { count: devices })}</td>
								<td data-name={t('people.yourRole')}>{group.role === null ? '' : t(`people.${group.role}`)}</td>
								<td className={css.edit}>
									{group.id !== ROOT && (
										<button
											type="button"
											className={`${css.plainLink ?? ''} ${page.touch ?? ''}`}
											aria-label={t('people.changeThis', { name: group.name })}
											onClick={() => setEditing(group)}
										>
											{t('people.change')}
										</button>
									)}
								</td>
							</tr>
						))}
					</tbody>
				</table>
			</section>
			{editing !== null && (
				<GroupDialog group={editing === 'new' ? null : editing} groups={all} onClose={() => setEditing(null)} />
			)}
		</>
	);
}
