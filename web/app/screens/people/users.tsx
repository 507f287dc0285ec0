/** Users: who they are, what they may where; making, changing, disabling, one-time links. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { ApiProblem, request } from '../../api/client.ts';
import { groupsQuery, usersQuery, type Group, type GroupRole, type OneTimeLink, type User } from '../../api/queries.ts';
import { ROOT, roles } from '../../../shared/permissions.ts';
import { Button, Checkbox, IconButton, Select, TextField } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Broken, Loading, Notice, Problem } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { At } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';
import { groupOptions } from '../fleet/filters.tsx';
import css from './people.module.css';

export function Users({ open }: { open: string | undefined }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const users = useQuery(usersQuery);
	const groups = useQuery(groupsQuery).data ?? [];
	const [adding, setAdding] = useState(false);
	const [link, setLink] = useState<{ user: User; link: OneTimeLink } | null>(null);
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
			<section className={page.card}>
				{users.data.length === 0 ? (
					<Notice icon="users" title={t('people.emptyUsers')} />
				) : (
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
											className={css.name}
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
									<td data-hide>{u.createdAt !== null && <At at={u.createdAt} />}</td>
								</tr>
							))}
						</tbody>
					</table>
				)}
			</section>
			{adding && (
				<UserDialog
					user={null}
					groups={groups}
					onClose={() => setAdding(false)}
					onLink={(user, made) => {
						setAdding(false);
						setLink({ user, link: made });
					}}
				/>
			)}
			{editing !== undefined && (
				<UserDialog
					key={editing.id}
					user={editing}
					groups={groups}
					onClose={() => show(undefined)}
					onLink={(user, made) => setLink({ user, link: made })}
				/>
			)}
			{link !== null && <LinkDialog user={link.user} link={link.link} onClose={() => setLink(null)} />}
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

function UserDialog({
	user,
	groups,
	onClose,
	onLink,
}: {
	user: User | null;
	groups: readonly Group[];
	onClose: () => void;
	onLink: (user: User, link: OneTimeLink) => void;
}) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const [name, setName] = useState(user?.name ?? '');
	const [login, setLogin] = useState(user?.login ?? '');
	const [given, setGiven] = useState<GroupRole[]>(
		user?.roles ?? [{ group: ROOT, role: 'viewer', readsCommands: false }],
	);
	const [disabling, setDisabling] = useState(false);
	const refresh = () => queries.invalidateQueries({ queryKey: ['users'] });
	const save = useMutation({
		mutationFn: async () => {
			if (user !== null)
				return {
					user: await request<User>('PATCH', `/users/${user.id}`, { body: { name, roles: given } }),
					link: null,
				};
			const made = await request<User>('POST', '/users', { body: { login, name, roles: given } });
			return { user: made, link: await request<OneTimeLink>('POST', `/users/${made.id}/password-link`) };
		},
		onSuccess: (done) => {
			void refresh();
			if (done.link === null) onClose();
			else onLink(done.user, done.link);
		},
	});
	const link = useMutation({
		mutationFn: (u: User) => request<OneTimeLink>('POST', `/users/${u.id}/password-link`),
		onSuccess: (made, u) => onLink(u, made),
	});
	const disable = useMutation({
		mutationFn: ({ id, disabled }: { id: string; disabled: boolean }) =>
			request<User>('PATCH', `/users/${id}`, { body: { disabled } }),
		onSuccess: () => {
			void refresh();
			onClose();
		},
	});
	const fields = save.error instanceof ApiProblem ? save.error.fields : new Map<string, string>();
	const error = save.error ?? link.error ?? disable.error;

	if (user !== null && disabling)
		return (
			<Dialog title={t('people.disableTitle', { name: user.name })} isOpen onClose={() => setDisabling(false)}>
				<div className={page.form}>
					<p className={page.soft}>{t('people.disableHelp')}</p>
					<Problem error={disable.error} />
					<div className={page.buttons}>
						<Button onPress={() => setDisabling(false)}>{t('cancel')}</Button>
						<Button
							kind="danger"
							isDisabled={disable.isPending}
							onPress={() => disable.mutate({ id: user.id, disabled: true })}
						>
							{t('people.disable')}
						</Button>
					</div>
				</div>
			</Dialog>
		);
	return (
		<Dialog title={user === null ? t('people.add') : user.name} isOpen onClose={onClose} wide>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					save.mutate();
				}}
			>
				<div className={css.two}>
					<TextField
						label={t('people.name')}
						value={name}
						onChange={setName}
						isRequired
						autoComplete="off"
						error={fields.get('name')}
					/>
					<TextField
						label={t('people.login')}
						value={login}
						onChange={setLogin}
						isRequired
						isDisabled={user !== null}
						autoComplete="off"
						error={fields.get('login')}
					/>
				</div>
				<RoleEditor given={given} groups={groups} onChange={setGiven} />
				<Problem error={fields.size > 0 ? null : error} />
				<div className={css.foot}>
					{user !== null && (
						<>
							{user.disabled ? (
								<Button kind="quiet" onPress={() => disable.mutate({ id: user.id, disabled: false })}>
									{t('people.enable')}
								</Button>
							) : (
								<Button kind="quiet" onPress={() => setDisabling(true)}>
									{t('people.disable')}
								</Button>
							)}
							{!user.disabled && (
								<Button kind="quiet" icon="key" onPress={() => link.mutate(user)}>
									{t('people.link')}
								</Button>
							)}
						</>
					)}
					<span className={page.grow} />
					<Button onPress={onClose}>{t('cancel')}</Button>
					<Button kind="primary" type="submit" isDisabled={save.isPending}>
						{t('save')}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

function RoleEditor({
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
					<Select
						label={t('people.role')}
						hideLabel
						value={r.role}
						options={roles
							.filter((role) => role !== 'admin' || r.group === ROOT)
							.map((role) => ({ id: role, label: t(`people.${role}`), note: t(`people.${role}Help`) }))}
						onChange={(role) => set(i, { role })}
					/>
					<Select
						label={t('people.group')}
						hideLabel
						value={r.group}
						options={places.filter((p) => p.id === r.group || free.includes(p))}
						onChange={(group) =>
							set(i, { group, ...(group !== ROOT && r.role === 'admin' ? { role: 'installer' as const } : {}) })
						}
					/>
					<IconButton
						icon="close"
						label={t('people.removeRole')}
						onPress={() => onChange(given.filter((_, at) => at !== i))}
					/>
					{r.role !== 'admin' && (
						<Checkbox
							isSelected={r.readsCommands}
							onChange={(readsCommands) => set(i, { readsCommands })}
							hint={t('people.readsCommandsHelp')}
						>
							{t('people.readsCommands')}
						</Checkbox>
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

function LinkDialog({ user, link, onClose }: { user: User; link: OneTimeLink; onClose: () => void }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const [copied, setCopied] = useState(false);
	const address = `${location.origin}${link.path}`;
	return (
		<Dialog title={t('people.link')} isOpen onClose={onClose}>
			<div className={page.form}>
				<p>
					{t('people.linkHelp', {
						name: user.name,
						time: new Date(link.expiresAt).toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' }),
					})}
				</p>
				<code className={css.link}>{address}</code>
				<div className={page.buttons}>
					<Button
						kind="primary"
						icon={copied ? 'check' : 'link'}
						onPress={() => void navigator.clipboard.writeText(address).then(() => setCopied(true))}
					>
						{copied ? t('copied') : t('people.copyLink')}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}
