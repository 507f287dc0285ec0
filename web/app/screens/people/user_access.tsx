/** How a user comes in, and no longer does: one-time links; disabling and deleting ask first. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { request } from '../../api/client.ts';
import type { OneTimeLink, User } from '../../api/queries.ts';
import { Button } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import type { MadeLink } from './link_dialog.tsx';
import css from './people.module.css';

export async function makeLink(user: User, kind: MadeLink['kind']): Promise<MadeLink> {
	return { user, kind, link: await request<OneTimeLink>('POST', `/users/${user.id}/${kind}-link`) };
}

export type Ending = 'disable' | 'delete';

export function Access({
	user,
	onClose,
	onLink,
	onEnd,
}: {
	user: User;
	onClose: () => void;
	onLink: (made: MadeLink) => void;
	onEnd: (what: Ending) => void;
}) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const link = useMutation({ mutationFn: (kind: MadeLink['kind']) => makeLink(user, kind), onSuccess: onLink });
	const enable = useMutation({
		mutationFn: () => request<User>('PATCH', `/users/${user.id}`, { body: { disabled: false } }),
		onSuccess: onClose,
		onSettled: () => queries.invalidateQueries({ queryKey: ['users'] }),
	});
	return (
		<fieldset className={css.roles}>
			<legend>{t('people.access')}</legend>
			<div className={css.foot}>
				{!user.disabled && (
					<>
						<Button icon="key" isDisabled={link.isPending} onPress={() => link.mutate('password')}>
							{t('people.link')}
						</Button>
						<Button icon="map" isDisabled={link.isPending} onPress={() => link.mutate('display')}>
							{t('people.displayLink')}
						</Button>
						<span className={page.grow} />
						<Button onPress={() => onEnd('disable')}>{t('people.disable')}</Button>
					</>
				)}
				{user.disabled && (
					<>
						<Button isDisabled={enable.isPending} onPress={() => enable.mutate()}>
							{t('people.enable')}
						</Button>
						<span className={page.grow} />
						<Button onPress={() => onEnd('delete')}>{t('people.delete')}</Button>
					</>
				)}
			</div>
			<Problem error={link.error ?? enable.error} />
		</fieldset>
	);
}

const endings = {
	disable: { title: 'people.disableTitle', help: 'people.disableHelp', button: 'people.disable' },
	delete: { title: 'people.deleteTitle', help: 'people.deleteHelp', button: 'people.delete' },
} as const;

export function EndDialog({
	user,
	what,
	onKeep,
	onDone,
}: {
	user: User;
	what: Ending;
	onKeep: () => void;
	onDone: () => void;
}) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const end = useMutation({
		mutationFn: () =>
			what === 'delete'
				? request('DELETE', `/users/${user.id}`)
				: request('PATCH', `/users/${user.id}`, { body: { disabled: true } }),
		onSuccess: onDone,
		onSettled: () => queries.invalidateQueries({ queryKey: ['users'] }),
	});
	const words = endings[what];
	return (
		<Dialog title={t(words.title, { name: user.name })} isOpen onClose={onKeep}>
			<div className={page.form}>
				<p className={page.soft}>{t(words.help)}</p>
				<Problem error={end.error} />
				<div className={page.buttons}>
					<Button onPress={onKeep}>{t('cancel')}</Button>
					<Button kind="danger" isDisabled={end.isPending} onPress={() => end.mutate()}>
						{t(words.button)}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}
