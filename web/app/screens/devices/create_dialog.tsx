/** Registers a device: by hand, or a tracker that was refused, whose IMEI is known. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fieldErrors, request } from '../../api/client.ts';
import { groupsQuery, type Device, type Group } from '../../api/queries.ts';
import { Button, TextField } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { useDevicesChanged } from './changed.ts';
import { changesOf, DeviceFields, textFields, type Fields } from './device_fields.tsx';
import { useDeviceRights } from './rights.ts';

const nothing: Fields = { name: '', plate: '', model: '', category: '', phone: '', group: '', notes: '' };
const noGroups: readonly Group[] = [];

export function CreateDialog({
	title,
	action,
	imei: given,
	onClose,
}: {
	title: string;
	/** What the button says. */
	action: string;
	imei?: string;
	onClose: (made: Device | null) => void;
}) {
	const { t } = useTranslation();
	const changed = useDevicesChanged();
	const groups = useQuery(groupsQuery).data ?? noGroups;
	const { places } = useDeviceRights(groups);
	const [imei, setImei] = useState(given ?? '');
	const [typed, setTyped] = useState<Partial<Fields>>({});
	const fields = { ...nothing, group: places[0]?.id ?? '', ...typed };
	const save = useMutation({
		mutationFn: () =>
			request<Device>('POST', '/devices', { body: { imei: imei.trim(), ...changesOf(nothing, fields) } }),
		onSuccess: (made) => {
			changed();
			onClose(made);
		},
	});
	const errors = fieldErrors(save.error);
	return (
		<Dialog title={title} isOpen onClose={() => onClose(null)} wide>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					save.mutate();
				}}
			>
				{given === undefined && (
					<TextField
						label={t('inventory.imei')}
						hint={t('inventory.imeiHint')}
						value={imei}
						onChange={setImei}
						isRequired
						autoFocus
						mono
						inputMode="numeric"
						autoComplete="off"
						error={errors.get('imei')}
					/>
				)}
				<DeviceFields
					fields={fields}
					errors={errors}
					places={places}
					focus={given !== undefined}
					onChange={(change) => setTyped({ ...typed, ...change })}
				/>
				<Problem error={save.error} shown={['imei', ...textFields]} />
				<div className={page.buttons}>
					<Button onPress={() => onClose(null)}>{t('cancel')}</Button>
					<Button kind="primary" type="submit" isDisabled={save.isPending}>
						{action}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
