/** The tabs of Fleet health: each is a screen with an address of its own, shown to whoever may see it. */
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useAtLeast, useAtRoot } from '../../shell/shell.tsx';
import page from '../../ui/page.module.css';

/** Parts of the address that filter a tab don't make it another one. */
const anyOfIt = { exact: true, includeSearch: false };

export function HealthTabs() {
	const { t } = useTranslation();
	const mayLook = useAtLeast('installer');
	const everywhere = useAtRoot('installer');
	return (
		<nav className={page.tabs} aria-label={t('nav.health')}>
			<Link to="/health" activeOptions={anyOfIt} className={page.tab}>
				{t('health.overview')}
			</Link>
			{everywhere && (
				<Link to="/refused" activeOptions={anyOfIt} className={page.tab}>
					{t('nav.refused')}
				</Link>
			)}
			{mayLook && (
				<Link to="/quarantine" activeOptions={anyOfIt} className={page.tab}>
					{t('nav.quarantine')}
				</Link>
			)}
			{everywhere && (
				<Link to="/gateways" activeOptions={anyOfIt} className={page.tab}>
					{t('nav.gateways')}
				</Link>
			)}
		</nav>
	);
}
