/** A dialog above the page: closes by Escape and by its button. */
import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { IconButton } from './controls.tsx';
import css from './dialog.module.css';

export function Dialog({
	title,
	isOpen,
	onClose,
	children,
	wide = false,
}: {
	title: string;
	isOpen: boolean;
	onClose: () => void;
	children: ReactNode;
	wide?: boolean;
}) {
	const { t } = useTranslation();
	return (
		<ModalOverlay
			isOpen={isOpen}
			onOpenChange={(open) => !open && onClose()}
			isDismissable
			className={css.overlay ?? ''}
		>
			<Modal className={`${css.modal ?? ''} ${wide ? (css.wide ?? '') : ''}`}>
				<AriaDialog className={css.dialog ?? ''}>
					<header className={css.head}>
						<Heading slot="title" className={css.title ?? ''}>
							{title}
						</Heading>
						<IconButton icon="close" label={t('close')} onPress={onClose} />
					</header>
					{children}
				</AriaDialog>
			</Modal>
		</ModalOverlay>
	);
}
