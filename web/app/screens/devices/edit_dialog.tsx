/**
 * Changes what is kept of a device; disables, enables and deletes it. A change says what it was made from: where somebody
 * else was faster, both are shown, and nothing is lost.
 */
import { useMutation, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fieldErrors, requestTagged, type Tagged } from '../../api/client.ts';
import { groupsQuery, type Device, type Group } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import { Button } from '../../ui/controls.tsx';
import { useCategoryName } from '../../ui/category.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Conflict, Editing, useChange } from '../../ui/editing.tsx';
import { Broken, Loading, Notice, Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { useDevicesChanged } from './changed.ts';
import {
	changesOf,
	DeviceFields,
	fieldNames,
	fieldsOf,
	textFields,
	useFieldLabel,
	type Fields,
} from './device_fields.tsx';
import { EndDialog, type Ending } from './end_dialog.tsx';
import { useDeviceRights } from './rights.ts';
import css from './devices.module.css';

const noGroups: readonly Group[] = [];

export function EditDialog({ device, onClose }: { device: string; onClose: () => void }) {
	const { t } = useTranslation();
	const groups = useQuery(groupsQuery);
	return (
		<Editing<Device> address={`/devices/${device}`} title={t('device.label')} onClose={onClose}>
			{(loaded) => <IfAllowed loaded={loaded} groups={groups} onClose={onClose} />}
		</Editing>
	);
}

interface Props {
	loaded: Tagged<Device>;
	onClose: () => void;
}

/** The address of a form may be that of a device that one sees and may not change. */
function IfAllowed({ groups, ...props }: Props & { groups: UseQueryResult<Group[]> }) {
	const { t } = useTranslation();
	const device = props.loaded.value;
	const rights = useDeviceRights(groups.data ?? noGroups);
	if (rights.mayEdit(device)) return <Form {...props} />;
	return (
		<Dialog title={titleOf(device)} isOpen onClose={props.onClose} wide>
			{groups.data !== undefined ? (
				<Notice icon="key" title={t('inventory.notYours')}>
					{t('broken.forbiddenHelp')}
				</Notice>
			) : groups.isError ? (
				<Broken error={groups.error} retry={() => void groups.refetch()} />
			) : (
				<Loading lines={8} />
			)}
		</Dialog>
	);
}

function Form({ loaded, onClose }: Props) {
	const { t } = useTranslation();
	const changed = useDevicesChanged();
	const [typed, setTyped] = useState<Partial<Fields>>({});
	const [asking, setAsking] = useState<Ending | null>(null);
	const [enabled, setEnabled] = useState(loaded.value.enabled);
	const groups = useQuery(groupsQuery).data ?? noGroups;
	const rights = useDeviceRights(groups);
	const sayChanges = useChangesOf(groups);
	const address = `/devices/${loaded.value.id}`;
	const change = useChange({
		loaded,
		address,
		method: 'PATCH',
		body: (from) => {
			const was = fieldsOf(from);
			const body = changesOf(was, { ...was, ...typed });
			return Object.keys(body).length === 0 ? null : body;
		},
		onSaved: () => {
			changed();
			onClose();
		},
		onTakeTheirs: () => setTyped({}),
	});
	const device = change.before;
	const before = fieldsOf(device);
	const fields = { ...before, ...typed };
	/** What was typed stays. What somebody else has changed meanwhile is for saving to tell. */
	const switched = (now: Tagged<Device>) => {
		setEnabled(now.value.enabled);
		setAsking(null);
		if (Object.keys(changesOf(before, fieldsOf(now.value))).length === 0) change.renew(now);
	};
	const enable = useMutation({
		mutationFn: () => requestTagged<Device>('PATCH', address, { body: { enabled: true } }),
		onSuccess: (now) => {
			changed();
			switched(now);
		},
	});
	// The group that it is in may be one into which this user may not put devices.
	const places = rights.places.some((p) => p.id === before.group)
		? rights.places
		: [...rights.places, { id: before.group, label: groups.find((g) => g.id === before.group)?.name ?? before.group }];
	if (asking !== null)
		return (
			<EndDialog
				device={device}
				what={asking}
				onKeep={() => setAsking(null)}
				onDone={(now) => (now === null ? onClose() : switched(now))}
			/>
		);
	return (
		<Dialog title={titleOf(device)} isOpen onClose={onClose} wide>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					change.save();
				}}
			>
				<p className={css.about}>
					<span className={page.mono}>{device.imei}</span>
					{!enabled && <span className={css.warn}>{t('inventory.isDisabled')}</span>}
				</p>
				<DeviceFields
					fields={fields}
					errors={fieldErrors(change.error)}
					places={places}
					onChange={(more) => setTyped({ ...typed, ...more })}
				/>
				{change.theirs !== null && <Conflict change={change} theirs={sayChanges(before, fieldsOf(change.theirs))} />}
				<Problem error={change.error ?? enable.error} shown={textFields} />
				<div className={css.foot}>
					{enabled ? (
						<Button onPress={() => setAsking('disable')}>{t('inventory.disable')}</Button>
					) : (
						<Button isDisabled={enable.isPending} onPress={() => enable.mutate()}>
							{t('inventory.enable')}
						</Button>
					)}
					{rights.mayDelete && <Button onPress={() => setAsking('delete')}>{t('inventory.delete')}</Button>}
					<span className={page.grow} />
					<Button onPress={onClose}>{t('cancel')}</Button>
					<Button kind="primary" type="submit" isDisabled={change.isPending}>
						{t('save')}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

/** What differs between two states of a device, as the form calls it. */
function useChangesOf(groups: readonly Group[]): (before: Fields, after: Fields) => { label: string; value: string }[] {
	const label = useFieldLabel();
	const nameOf = useCategoryName();
	const say = (name: keyof Fields, text: string) => {
		if (text === '') return '';
		if (name === 'group') return groups.find((g) => g.id === text)?.name ?? text;
		return name === 'category' ? nameOf(text) : text;
	};
	return (before, after) =>
		fieldNames
			.filter((name) => before[name] !== after[name])
			.map((name) => ({ label: label(name), value: say(name, after[name]) }));
}
