/** The time shown as a file. Links, so that the browser saves what comes while it comes. */
import { Button as AriaButton, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { url } from '../../api/client.ts';
import type { Range } from '../../api/history.ts';
import { Icon } from '../../ui/icons.tsx';
import controls from '../../ui/controls.module.css';
import css from './export_menu.module.css';

export function ExportMenu({ device, range }: { device: string; range: Range }) {
	const { t } = useTranslation();
	const formats = [
		['csv', t('history.exportCsv')],
		['gpx', t('history.exportGpx')],
		['geojson', t('history.exportGeojson')],
	] as const;
	const address = (format: string) =>
		url('/exports', {
			devices: device,
			from: new Date(range.from).toISOString(),
			to: new Date(range.to).toISOString(),
			format,
		});
	return (
		<MenuTrigger>
			<AriaButton className={css.button ?? ''}>
				<span>{t('history.export')}</span>
				<Icon name="down" size={14} />
			</AriaButton>
			<Popover className={controls.popover ?? ''} offset={4} placement="bottom end">
				<Menu className={controls.list ?? ''} aria-label={t('history.export')}>
					{formats.map(([format, label]) => (
						<MenuItem
							key={format}
							href={address(format)}
							download=""
							className={controls.option ?? ''}
							textValue={label}
						>
							{label}
						</MenuItem>
					))}
				</Menu>
			</Popover>
		</MenuTrigger>
	);
}
