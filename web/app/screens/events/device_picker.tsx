/** Chooses one device by typing part of its name, plate or IMEI; the server searches. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ComboBox, Input, ListBox, ListBoxItem, Popover } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { deviceSearchQuery } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import controls from '../../ui/controls.module.css';
import css from './events.module.css';

export function DevicePicker({ onPick }: { onPick: (device: string) => void }) {
	const { t } = useTranslation();
	const [typed, setTyped] = useState('');
	const found = useQuery({ ...deviceSearchQuery(typed.trim()), enabled: typed.trim() !== '' });
	const devices = found.data ?? [];
	return (
		<ComboBox
			aria-label={t('events.pick')}
			inputValue={typed}
			onInputChange={setTyped}
			items={typed.trim() === '' ? [] : devices}
			// The server has filtered.
			defaultFilter={() => true}
			// Else it would not open before the server has answered.
			allowsEmptyCollection
			value={null}
			onChange={(key) => {
				if (key === null) return;
				setTyped('');
				onPick(String(key));
			}}
			className={css.picker ?? ''}
		>
			<Input className={css.pick ?? ''} placeholder={t('events.pick')} />
			<Popover className={controls.popover ?? ''} offset={4}>
				<ListBox
					className={controls.list ?? ''}
					renderEmptyState={() => (
						<span className={css.none}>{t(found.isPending ? 'events.looking' : 'events.noDevice')}</span>
					)}
				>
					{(d: (typeof devices)[number]) => (
						<ListBoxItem id={d.id} textValue={titleOf(d)} className={controls.option ?? ''}>
							<span className={controls.optionLabel}>{titleOf(d)}</span>
							<span className={controls.note}>{d.plate ?? d.imei}</span>
						</ListBoxItem>
					)}
				</ListBox>
			</Popover>
		</ComboBox>
	);
}
