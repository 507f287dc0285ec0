/** Makes, changes and deletes a group; deleting asks first. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { fieldErrors, request, type Tagged } from '../../api/client.ts';
import { outside } from '../../api/group_tree.ts';
import type { Group } from '../../api/queries.ts';
import { ROOT } from '../../../shared/permissions.ts';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { DeleteDialog } from '../../ui/delete_dialog.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Conflict, Editing, useChange } from '../../ui/editing.tsx';
import { Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { groupOptions } from '../fleet/filters.tsx';
import css from './people.module.css';

interface Fields {
	name: string;
	parent: string;
}

const fieldsOf = (group: Group): Fields => ({ name: group.name, parent: group.parent ?? ROOT });

function useDone(onClose: () => void): () => void {
	const queries = useQueryClient();
	return () => {
		void queries.invalidateQueries({ queryKey: ['groups'] });
		onClose();
	};
}

interface Props {
	/** Null: a new one. */
	group: Group | null;
	groups: readonly Group[];
	onClose: () => void;
}

export function GroupDialog({ group, groups, onClose }: Props) {
	if (group === null) return <NewGroup groups={groups} onClose={onClose} />;
	return (
		<Editing<Group> address={`/groups/${group.id}`} title={group.name} onClose={onClose}>
			{(loaded) => <EditGroup loaded={loaded} groups={groups} onClose={onClose} />}
		</Editing>
	);
}

function NewGroup({ groups, onClose }: Omit<Props, 'group'>) {
	const { t } = useTranslation();
	const done = useDone(onClose);
	const [fields, setFields] = useState<Fields>({ name: '', parent: ROOT });
	const make = useMutation({
		mutationFn: () => request('POST', '/groups', { body: fields }),
		onSuccess: done,
	});
	return (
		<Dialog title={t('people.addGroup')} isOpen onClose={onClose}>
			<GroupForm
				fields={fields}
				places={groups}
				error={make.error}
				isPending={make.isPending}
				onChange={(change) => setFields({ ...fields, ...change })}
				onSubmit={() => make.mutate()}
				onClose={onClose}
			/>
		</Dialog>
	);
}

function EditGroup({ loaded, groups, onClose }: Omit<Props, 'group'> & { loaded: Tagged<Group> }) {
	const { t } = useTranslation();
	const done = useDone(onClose);
	const [typed, setTyped] = useState<Partial<Fields>>({});
	const [asking, setAsking] = useState(false);
	const change = useChange({
		loaded,
		address: `/groups/${loaded.value.id}`,
		method: 'PATCH',
		body: () => (Object.keys(typed).length === 0 ? null : typed),
		onSaved: done,
		onTakeTheirs: () => setTyped({}),
	});
	const group = change.before;
	const before = fieldsOf(group);
	const theirs = change.theirs === null ? null : fieldsOf(change.theirs);
	const placeName = (id: string) =>
		id === ROOT ? t('people.everywhere') : (groups.find((g) => g.id === id)?.name ?? id);
	if (asking)
		return (
			<DeleteDialog
				address={`/groups/${group.id}`}
				title={t('people.deleteTitle', { name: group.name })}
				help={t('people.deleteGroupHelp')}
				action={t('people.deleteGroup')}
				onKeep={() => setAsking(false)}
				onDone={done}
			/>
		);
	return (
		<Dialog title={group.name} isOpen onClose={onClose}>
			<GroupForm
				fields={{ ...before, ...typed }}
				places={outside(groups, group.id)}
				error={change.error}
				isPending={change.isPending}
				remove={
					<Button kind="quiet" onPress={() => setAsking(true)}>
						{t('people.deleteGroup')}
					</Button>
				}
				onChange={(more) => setTyped({ ...typed, ...more })}
				onSubmit={change.save}
				onClose={onClose}
			>
				{theirs !== null && (
					<Conflict
						change={change}
						theirs={[
							...(theirs.name === before.name ? [] : [{ label: t('people.groupName'), value: theirs.name }]),
							...(theirs.parent === before.parent
								? []
								: [{ label: t('people.parent'), value: placeName(theirs.parent) }]),
						]}
					/>
				)}
			</GroupForm>
		</Dialog>
	);
}

/** `places`: groups that it may stand in. `children` stand above the buttons. */
function GroupForm({
	fields,
	places,
	error,
	isPending,
	remove,
	onChange,
	onSubmit,
	onClose,
	children,
}: {
	fields: Fields;
	places: readonly Group[];
	error: Error | null;
	isPending: boolean;
	remove?: ReactNode;
	onChange: (change: Partial<Fields>) => void;
	onSubmit: () => void;
	onClose: () => void;
	children?: ReactNode;
}) {
	const { t } = useTranslation();
	const options = groupOptions(places).map((o) => ({
		...o,
		note: undefined,
		label: o.id === ROOT ? t('people.everywhere') : o.label,
	}));
	return (
		<form
			className={page.form}
			onSubmit={(event) => {
				event.preventDefault();
				onSubmit();
			}}
		>
			<TextField
				label={t('people.groupName')}
				value={fields.name}
				onChange={(name) => onChange({ name })}
				isRequired
				autoComplete="off"
				error={fieldErrors(error).get('name')}
			/>
			<Select
				label={t('people.parent')}
				value={fields.parent}
				options={options}
				onChange={(parent) => onChange({ parent })}
			/>
			{children}
			<Problem error={error} shown={['name']} />
			<div className={css.foot}>
				{remove}
				<span className={page.grow} />
				<Button onPress={onClose}>{t('cancel')}</Button>
				<Button kind="primary" type="submit" isDisabled={isPending}>
					{t('save')}
				</Button>
			</div>
		</form>
	);
}
