/** Above the table: how many match, how many of them are chosen, and what can be done with those. */
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/controls.tsx';
import type { Selection } from './selection.ts';
import css from './devices.module.css';

/** So many, chosen one by one, can be changed at once; all that match may be more. */
const MOST = 1000;

export function SelectionBar({
	selection,
	total,
	isFiltered,
	onClearFilter,
	onChange,
}: {
	selection: Selection;
	/** That match the filter. */
	total: number;
	isFiltered: boolean;
	onClearFilter: () => void;
	/** Of what is chosen. */
	onChange: () => void;
}) {
	const { t } = useTranslation();
	const count = selection.all ? total : selection.ids.size;
	const tooMany = !selection.all && count > MOST;
	return (
		<div className={css.summary} data-chosen={count > 0}>
			<label className={css.all}>
				<input
					type="checkbox"
					checked={selection.all}
					aria-label={t('inventory.selectAll')}
					onChange={(event) => selection.setAll(event.target.checked)}
				/>
			</label>
			<p role="status">
				{selection.all
					? t('inventory.allSelected', { count })
					: count > 0
						? t('inventory.selected', { count })
						: t('fleet.count', { count: total })}
				{tooMany && <span className={css.warn}> {t('inventory.tooMany')}</span>}
			</p>
			<span className={css.grow} />
			{count > 0 ? (
				<>
					<button type="button" className={css.link} onClick={selection.clear}>
						{t('inventory.clearSelection')}
					</button>
					<Button kind="primary" isDisabled={tooMany} onPress={onChange}>
						{t('inventory.change')}
					</Button>
				</>
			) : (
				isFiltered && (
					<button type="button" className={css.link} onClick={onClearFilter}>
						{t('fleet.clear')}
					</button>
				)
			)}
		</div>
	);
}
