/** What a user may in which groups: one role a group, which holds for those below it. */
import { useTranslation } from 'react-i18next';
import type { Group, GroupRole } from '../../api/queries.ts';
import { ROOT, roles } from '../../../shared/permissions.ts';
import { Button, Checkbox, IconButton, Select } from '../../ui/controls.tsx';
import page from '../../ui/page.module.css';
import { groupOptions } from '../fleet/filters.tsx';
import css from './people.module.css';

export function RoleEditor({
	given,
	groups,
	onChange,
}: {
	given: GroupRole[];
	groups: readonly Group[];
	onChange: (roles: GroupRole[]) => void;
}) {
	const { t } = useTranslation();
	const places = groupOptions(groups).map((o) => ({
		...o,
		note: undefined,
		label: o.id === ROOT ? t('people.everywhere') : o.label,
	}));
	const free = places.filter((p) => !given.some((r) => r.group === p.id));
	const set = (at: number, change: Partial<GroupRole>) =>
		onChange(given.map((r, i) => (i === at ? { ...r, ...change } : r)));
	return (
		<fieldset className={css.roles}>
			<legend>{t('people.roles')}</legend>
			{given.length === 0 && <p className={page.faint}>{t('people.noRoles')}</p>}
			{given.map((r, i) => (
				<div key={r.group} className={css.role}>
					<div className={css.roleName}>
						<Select
							label={t('people.role')}
							hideLabel
							value={r.role}
							options={roles
								.filter((role) => role !== 'admin' || r.group === ROOT)
								.map((role) => ({ id: role, label: t(`people.${role}`), note: t(`people.${role}Help`) }))}
							onChange={(role) => set(i, { role })}
						/>
					</div>
					<div className={css.roleGroup}>
						<Select
							label={t('people.group')}
							hideLabel
							value={r.group}
							options={places.filter((p) => p.id === r.group || free.includes(p))}
							onChange={(group) =>
								set(i, { group, ...(group !== ROOT && r.role === 'admin' ? { role: 'installer' as const } : {}) })
							}
						/>
					</div>
					<IconButton
						icon="close"
						label={t('people.removeRole')}
						onPress={() => onChange(given.filter((_, at) => at !== i))}
					/>
					{r.role !== 'admin' && (
						<div className={css.roleReads}>
							<Checkbox
								isSelected={r.readsCommands}
								onChange={(readsCommands) => set(i, { readsCommands })}
								hint={t('people.readsCommandsHelp')}
							>
								{t('people.readsCommands')}
							</Checkbox>
						</div>
					)}
				</div>
			))}
			{free[0] !== undefined && (
				<Button
					kind="quiet"
					icon="plus"
					onPress={() => onChange([...given, { group: free[0]?.id ?? ROOT, role: 'viewer', readsCommands: false }])}
				>
					{t('people.addRole')}
				</Button>
			)}
		</fieldset>
	);
}
