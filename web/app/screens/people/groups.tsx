/** Groups: a tree; rights on one hold for all below it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem, request } from '../../api/client.ts';
import { groupsQuery, type Group } from '../../api/queries.ts';
import { ROOT } from '../../../shared/permissions.ts';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Broken, Loading, Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { groupOptions } from '../fleet/filters.tsx';
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
				<table className={page.table}>
					<thead>
						<tr>
							<th scope="col">{t('people.group')}</th>
							<th scope="col">{t('people.devices')}</th>
							<th scope="col">{t('people.yourRole')}</th>
							<th scope="col" />
						</tr>
					</thead>
					<tbody>
						{groupOptions(all).map((o) => {
							const group = all.find((g) => g.id === o.id);
							if (group === undefined) return null;
							return (
								<tr key={group.id}>
									<td>
										<span className={css.branch} data-depth={o.depth ?? 0}>
											<Link to="/" search={group.id === ROOT ? {} : { group: group.id }} className={css.groupName}>
												{group.id === ROOT ? t('people.everywhere') : group.name}
											</Link>
										</span>
									</td>
									<td>{group.devices}</td>
									<td>{group.role === null ? '' : t(`people.${group.role}`)}</td>
									<td className={page.number}>
										{group.id !== ROOT && (
											<button type="button" className={css.plainLink} onClick={() => setEditing(group)}>
												{t('people.rename')}
											</button>
										)}
									</td>
								</tr>
							);
						})}
					</tbody>
				</table>
			</section>
			{editing !== null && (
				<GroupDialog group={editing === 'new' ? null : editing} groups={all} onClose={() => setEditing(null)} />
			)}
		</>
	);
}

function GroupDialog({
	group,
	groups,
	onClose,
}: {
	group: Group | null;
	groups: readonly Group[];
	onClose: () => void;
}) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const [name, setName] = useState(group?.name ?? '');
	const [parent, setParent] = useState(group?.parent ?? ROOT);
	const save = useMutation({
		mutationFn: () =>
			group === null
				? request('POST', '/groups', { body: { name, parent } })
				: request('PATCH', `/groups/${group.id}`, { body: { name, parent } }),
		onSuccess: () => {
			void queries.invalidateQueries({ queryKey: ['groups'] });
			onClose();
		},
	});
	const fields = save.error instanceof ApiProblem ? save.error.fields : new Map<string, string>();
	const options = groupOptions(groups)
		.filter((o) => o.id !== group?.id)
		.map((o) => ({ ...o, note: undefined, label: o.id === ROOT ? t('people.everywhere') : o.label }));
	return (
		<Dialog title={group === null ? t('people.addGroup') : group.name} isOpen onClose={onClose}>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					save.mutate();
				}}
			>
				<TextField
					label={t('people.groupName')}
					value={name}
					onChange={setName}
					isRequired
					autoComplete="off"
					error={fields.get('name')}
				/>
				<Select label={t('people.parent')} value={parent} options={options} onChange={setParent} />
				<Problem error={fields.has('name') ? null : save.error} />
				<div className={page.buttons}>
					<Button onPress={onClose}>{t('cancel')}</Button>
					<Button kind="primary" type="submit" isDisabled={save.isPending}>
						{t('save')}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
