/** The question before something of the server is deleted. */
import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client.ts';
import { Button } from './controls.tsx';
import { Dialog } from './dialog.tsx';
import { Problem } from './states.tsx';
import page from './page.module.css';

/** `address`: what is deleted; `action`: what the button says. */
export function DeleteDialog({
	address,
	title,
	help,
	action,
	onKeep,
	onDone,
}: {
	address: string;
	title: string;
	help: string;
	action: string;
	onKeep: () => void;
	onDone: () => void;
}) {
	const { t } = useTranslation();
	const remove = useMutation({ mutationFn: () => request('DELETE', address), onSuccess: onDone });
	return (
		<Dialog title={title} isOpen onClose={onKeep}>
			<div className={page.form}>
				<p className={page.soft}>{help}</p>
				<Problem error={remove.error} />
				<div className={page.buttons}>
					<Button onPress={onKeep}>{t('cancel')}</Button>
					<Button kind="danger" isDisabled={remove.isPending} onPress={() => remove.mutate()}>
						{action}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}
