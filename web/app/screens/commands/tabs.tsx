/** The tabs of Commands: each is a screen with an address of its own, shown to whoever may send something. */
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useAtLeast } from '../../shell/shell.tsx';
import page from '../../ui/page.module.css';

/** Parts of the address that filter a tab don't make it another one. */
const anyOfIt = { exact: true, includeSearch: false };

export function CommandTabs() {
	const { t } = useTranslation();
	if (!useAtLeast('operator')) return null;
	return (
		<nav className={page.tabs} aria-label={t('nav.commands')}>
			<Link to="/commands" activeOptions={anyOfIt} className={page.tab}>
				{t('commands.tab')}
			</Link>
			<Link to="/commands/templates" activeOptions={anyOfIt} className={page.tab}>
				{t('templates.title')}
			</Link>
		</nav>
	);
}
