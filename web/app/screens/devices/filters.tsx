/** Search and filters of the inventory. On a phone, what is not the search is unfolded. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Group } from '../../api/queries.ts';
import { deviceSorts, type DevicesSearch } from '../../router.tsx';
import { states } from '../../../shared/state.ts';
import { Select, type Option } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { SearchBox } from '../../ui/search_box.tsx';
import { groupOptions, ModelFilter, SilentFilter } from '../fleet/filters.tsx';
import type { Change } from './devices.tsx';
import css from './devices.module.css';

export const noFilter: Change = {
	q: undefined,
	state: undefined,
	group: undefined,
	model: undefined,
	silent: undefined,
};

export function isFiltered(search: DevicesSearch): boolean {
	return Object.keys(noFilter).some((key) => search[key as keyof DevicesSearch] !== undefined);
}

const sortLabels = {
	name: 'inventory.byName',
	imei: 'inventory.byImei',
	urgency: 'inventory.byState',
	silentSince: 'inventory.bySilence',
	'-silentSince': 'inventory.bySeen',
} as const;

export function DeviceFilters({
	search,
	groups,
	models,
	ungrouped,
	onChange,
}: {
	search: DevicesSearch;
	groups: readonly Group[];
	models: readonly string[];
	/** Devices in no group are shown, too. */
	ungrouped: boolean;
	onChange: (change: Change) => void;
}) {
	const { t } = useTranslation();
	const [open, setOpen] = useState(false);
	const chosen = search.state ?? '';
	const stateOptions: Option<string>[] = [
		{ id: '', label: t('inventory.allStates') },
		...states.map((s) => ({ id: s, label: t(`state.${s}`) })),
	];
	// Several, from an address that somebody has made.
	if (!stateOptions.some((o) => o.id === chosen)) stateOptions.push({ id: chosen, label: chosen });
	const known = search.model === undefined || models.includes(search.model) ? models : [...models, search.model];
	return (
		<div className={css.filters}>
			<div className={css.searchLine}>
				<SearchBox
					label={t('inventory.search')}
					example={t('inventory.example')}
					value={search.q ?? ''}
					onChange={(q) => onChange({ q: q === '' ? undefined : q })}
				/>
				<button type="button" className={css.unfold} aria-expanded={open} onClick={() => setOpen(!open)}>
					<Icon name="filter" size={16} /> {t('fleet.filters')}
				</button>
			</div>
			<div className={css.selects} data-open={open}>
				<span className={css.groupSelect}>
					<Select
						label={t('fleet.group')}
						hideLabel
						compact
						value={search.group ?? ''}
						options={[
							{ id: '', label: t('fleet.allGroups') },
							...groupOptions(groups).filter((o) => o.id !== '1'),
							...(ungrouped ? [{ id: 'none', label: t('inventory.noGroup') }] : []),
						]}
						onChange={(id) => onChange({ group: id === '' ? undefined : id })}
					/>
				</span>
				<Select
					label={t('inventory.state')}
					hideLabel
					compact
					value={chosen}
					options={stateOptions}
					onChange={(id) => onChange({ state: id === '' ? undefined : id })}
				/>
				<ModelFilter model={search.model} models={known} onChange={(model) => onChange({ model })} />
				<SilentFilter seconds={search.silent} onChange={(silent) => onChange({ silent })} />
				<Select
					label={t('fleet.sort')}
					hideLabel
					compact
					value={search.sort ?? 'name'}
					options={deviceSorts.map((s) => ({ id: s, label: t(sortLabels[s]) }))}
					onChange={(id) => onChange({ sort: id === 'name' ? undefined : id })}
				/>
			</div>
		</div>
	);
}
