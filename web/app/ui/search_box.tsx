/** A field to search by typing. */
import type { Ref } from 'react';
import { Button, Input, SearchField } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { Icon } from './icons.tsx';
import css from './search_box.module.css';

export function SearchBox({
	label,
	example,
	value,
	onChange,
	onSubmit,
	field,
	shortcut,
}: {
	label: string;
	example: string;
	value: string;
	onChange: (value: string) => void;
	onSubmit?: (value: string) => void;
	field?: Ref<HTMLInputElement>;
	/** The key that comes to it. */
	shortcut?: string;
}) {
	const { t } = useTranslation();
	return (
		<SearchField
			aria-label={label}
			value={value}
			onChange={onChange}
			{...(onSubmit === undefined ? {} : { onSubmit })}
			className={css.search ?? ''}
		>
			<Icon name="search" size={16} />
			<Input {...(field === undefined ? {} : { ref: field })} placeholder={example} className={css.input ?? ''} />
			{value !== '' ? (
				<Button className={css.clear ?? ''} aria-label={t('search.clear')}>
					<Icon name="close" size={14} />
				</Button>
			) : (
				shortcut !== undefined && (
					<kbd className={css.key} aria-hidden="true">
						{shortcut}
					</kbd>
				)
			)}
		</SearchField>
	);
}
