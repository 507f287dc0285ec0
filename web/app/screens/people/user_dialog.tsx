/** Making and changing a user: name and rights. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { fieldErrors, request, type Tagged } from '../../api/client.ts';
import type { Group, GroupRole, User } from '../../api/queries.ts';
import { ROOT } from '../../../shared/permissions.ts';
import { Button, TextField } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Conflict, Editing, useChange } from '../../ui/editing.tsx';
import { Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import type { MadeLink } from './link_dialog.tsx';
import { RoleEditor } from './role_editor.tsx';
import { Access, EndDialog, makeLink, type Ending } from './user_access.tsx';
import css from './people.module.css';

interface Props {
	groups: readonly Group[];
	onClose: () => void;
	onLink: (made: MadeLink) => void;
}

interface Fields {
	name: string;
	login: string;
	roles: GroupRole[];
}

export function NewUserDialog({ groups, onClose, onLink }: Props) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const [fields, setFields] = useState<Fields>({
		name: '',
		login: '',
		roles: [{ group: ROOT, role: 'viewer', readsCommands: false }],
	});
	const make = useMutation({
		mutationFn: async () => makeLink(await request<User>('POST', '/users', { body: fields }), 'password'),
		onSuccess: onLink,
		onSettled: () => queries.invalidateQueries({ queryKey: ['users'] }),
	});
	return (
		<Dialog title={t('people.add')} isOpen onClose={onClose} wide>
			<UserForm
				fields={fields}
				isNew
				groups={groups}
				error={make.error}
				isPending={make.isPending}
				onChange={(change) => setFields({ ...fields, ...change })}
				onSubmit={() => make.mutate()}
				onClose={onClose}
			/>
		</Dialog>
	);
}

export function UserDialog({ user, ...rest }: Props & { user: User }) {
	return (
		<Editing<User> address={`/users/${user.id}`} title={user.name} onClose={rest.onClose}>
			{(loaded) => <EditUser loaded={loaded} {...rest} />}
		</Editing>
	);
}

function EditUser({ loaded, groups, onClose, onLink }: Props & { loaded: Tagged<User> }) {
	const queries = useQueryClient();
	const sayChanges = useChangesOf(groups);
	const [typed, setTyped] = useState<Partial<Pick<Fields, 'name' | 'roles'>>>({});
	const [asking, setAsking] = useState<Ending | null>(null);
	const change = useChange({
		loaded,
		address: `/users/${loaded.value.id}`,
		method: 'PATCH',
		body: () => (Object.keys(typed).length === 0 ? null : typed),
		onSaved: () => {
			void queries.invalidateQueries({ queryKey: ['users'] });
			onClose();
		},
		onTakeTheirs: () => setTyped({}),
	});
	const user = change.before;
	if (asking !== null) return <EndDialog user={user} what={asking} onKeep={() => setAsking(null)} onDone={onClose} />;
	return (
		<Dialog title={user.name} isOpen onClose={onClose} wide>
			<UserForm
				fields={{ ...user, ...typed }}
				groups={groups}
				error={change.error}
				isPending={change.isPending}
				onChange={({ name, roles }) =>
					setTyped({ ...typed, ...(name === undefined ? {} : { name }), ...(roles === undefined ? {} : { roles }) })
				}
				onSubmit={change.save}
				onClose={onClose}
			>
				<Access user={user} onClose={onClose} onLink={onLink} onEnd={setAsking} />
				{change.theirs !== null && <Conflict change={change} theirs={sayChanges(user, change.theirs)} />}
			</UserForm>
		</Dialog>
	);
}

/** What differs between two states of a user, as the form calls it. */
function useChangesOf(groups: readonly Group[]): (before: User, after: User) => { label: string; value: string }[] {
	const { t } = useTranslation();
	const right = (r: GroupRole) => {
		const where = r.group === ROOT ? t('people.everywhere') : (groups.find((g) => g.id === r.group)?.name ?? r.group);
		return `${t(`people.${r.role}`)} ${where}${r.readsCommands ? ` (${t('people.readsCommands')})` : ''}`;
	};
	const say = (u: User) => [
		{ label: t('people.name'), value: u.name },
		{ label: t('people.roles'), value: u.roles.map(right).sort().join(', ') },
		{ label: t('people.disabled'), value: t(u.disabled ? 'yes' : 'no') },
	];
	return (before, after) => {
		const was = say(before);
		return say(after).filter(({ value }, i) => value !== was[i]?.value);
	};
}

/** `children` stand between the rights and the buttons. */
function UserForm({
	fields,
	isNew = false,
	groups,
	error,
	isPending,
	onChange,
	onSubmit,
	onClose,
	children,
}: {
	fields: Fields;
	isNew?: boolean;
	groups: readonly Group[];
	error: Error | null;
	isPending: boolean;
	onChange: (change: Partial<Fields>) => void;
	onSubmit: () => void;
	onClose: () => void;
	children?: ReactNode;
}) {
	const { t } = useTranslation();
	const errors = fieldErrors(error);
	return (
		<form
			className={page.form}
			onSubmit={(event) => {
				event.preventDefault();
				onSubmit();
			}}
		>
			<div className={css.two}>
				<TextField
					label={t('people.name')}
					value={fields.name}
					onChange={(name) => onChange({ name })}
					isRequired
					autoComplete="off"
					error={errors.get('name')}
				/>
				<TextField
					label={t('people.login')}
					value={fields.login}
					onChange={(login) => onChange({ login })}
					isRequired
					isDisabled={!isNew}
					autoComplete="off"
					error={errors.get('login')}
				/>
			</div>
			<RoleEditor given={fields.roles} groups={groups} onChange={(roles) => onChange({ roles })} />
			{children}
			<Problem error={error} shown={['name', 'login']} />
			<div className={page.buttons}>
				<Button onPress={onClose}>{t('cancel')}</Button>
				<Button kind="primary" type="submit" isDisabled={isPending}>
					{t('save')}
				</Button>
			</div>
		</form>
	);
}
