/** Is what one sees now? A word in the bar; a line across the page when it isn't. */
import { DialogTrigger, Popover, Button, Dialog } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../i18n/locale.ts';
import { useHealth } from '../live/context.tsx';
import type { Health } from '../live/socket.ts';
import { fullTime } from '../ui/time.tsx';
import { Icon } from '../ui/icons.tsx';
import css from './live_status.module.css';

export function LiveStatus() {
	const { t } = useTranslation();
	const locale = useLocale();
	const health = useHealth();
	const words = useWords(health);
	return (
		<DialogTrigger>
			<Button className={css.status ?? ''} data-health={health.state}>
				<span className={css.dot} />
				<span>{t(`live.${health.state}`)}</span>
			</Button>
			<Popover className={css.popover ?? ''} offset={6}>
				<Dialog className={css.help ?? ''} aria-label={t(`live.${health.state}`)}>
					<p>{words}</p>
					{health.state === 'live' && health.asOf > 0 && (
						<p className={css.time}>{t('live.asOf', { time: fullTime(health.asOf, locale) })}</p>
					)}
				</Dialog>
			</Popover>
		</DialogTrigger>
	);
}

/** The server's own words where it has some. */
function useWords(health: Health): string {
	const { t } = useTranslation();
	const help = t(`live.${health.state}Help`);
	if (health.state === 'live' || health.state === 'connecting') return help;
	const own = 'reason' in health ? health.reason : null;
	if (own === null) return `${t(`live.${health.state}Reason`)} ${help}`;
	return `${own.charAt(0).toUpperCase()}${own.slice(1).replace(/\.$/, '')}. ${help}`;
}

export function LiveBanner() {
	const { t } = useTranslation();
	const health = useHealth();
	const words = useWords(health);
	const shown = health.state === 'late' || health.state === 'away' || health.state === 'offline';
	return (
		<div role="status" aria-live="polite">
			{shown && (
				<p className={css.banner} data-health={health.state}>
					<Icon name="warning" size={16} />
					<span>
						<strong>{t(`live.${health.state}`)}.</strong> {words}
					</span>
				</p>
			)}
		</div>
	);
}
