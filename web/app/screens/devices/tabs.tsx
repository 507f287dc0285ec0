/**
 * The head of the inventory's screens: its title, what can be done, and the way from one to the other. Who may not see the
 * devices as a table has the models alone.
 */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useAtLeast } from '../../shell/shell.tsx';
import page from '../../ui/page.module.css';

export function InventoryHead({ at, children }: { at: 'devices' | 'models'; children?: ReactNode }) {
	const { t } = useTranslation();
	const may = useAtLeast('installer');
	return (
		<>
			<header className={page.head}>
				<h1 className={page.title}>{t(may ? 'inventory.title' : 'models.title')}</h1>
				<span className={page.grow} />
				{children}
			</header>
			{may && (
				<nav className={page.tabs} aria-label={t('inventory.title')}>
					<Link to="/devices" className={page.tab} aria-current={at === 'devices' ? 'page' : undefined}>
						{t('inventory.tabDevices')}
					</Link>
					<Link to="/models" className={page.tab} aria-current={at === 'models' ? 'page' : undefined}>
						{t('inventory.tabModels')}
					</Link>
				</nav>
			)}
		</>
	);
}
