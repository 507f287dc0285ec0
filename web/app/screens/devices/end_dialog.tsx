/** Asks before a device is turned away: disabled, which is undone by a click, or deleted, which wants its name typed. */
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request, requestTagged, type Tagged } from '../../api/client.ts';
import type { Device } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import { Button, TextField } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { useDevicesChanged } from './changed.ts';

export type Ending = 'disable' | 'delete';

const words = {
	disable: { title: 'inventory.disableTitle', help: 'inventory.disableHelp', button: 'inventory.disable' },
	delete: { title: 'inventory.deleteTitle', help: 'inventory.deleteHelp', button: 'inventory.delete' },
} as const;

export function EndDialog({
	device,
	what,
	onKeep,
	onDone,
}: {
	device: Device;
	what: Ending;
	onKeep: () => void;
	/** What it is now; null: it has gone. */
	onDone: (now: Tagged<Device> | null) => void;
}) {
	const { t } = useTranslation();
	const changed = useDevicesChanged();
	const [typed, setTyped] = useState('');
	const name = titleOf(device);
	const end = useMutation({
		mutationFn: async () => {
			if (what === 'disable')
				return requestTagged<Device>('PATCH', `/devices/${device.id}`, { body: { enabled: false } });
			await request('DELETE', `/devices/${device.id}`);
			return null;
		},
		onSuccess: (now) => {
			changed();
			onDone(now);
		},
	});
	const isSure = what === 'disable' || typed.trim() === name.trim();
	return (
		<Dialog title={t(words[what].title, { name })} isOpen onClose={onKeep}>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					if (isSure) end.mutate();
				}}
			>
				<p className={page.soft}>{t(words[what].help)}</p>
				{what === 'delete' && (
					<TextField
						label={t('send.confirm', { name })}
						value={typed}
						onChange={setTyped}
						autoFocus
						autoComplete="off"
					/>
				)}
				<Problem error={end.error} />
				<div className={page.buttons}>
					<Button onPress={onKeep}>{t('cancel')}</Button>
					<Button kind="danger" type="submit" isDisabled={!isSure || end.isPending}>
						{t(words[what].button)}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
