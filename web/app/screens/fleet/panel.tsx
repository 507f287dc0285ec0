/** Beside the map: the legend, the filter, how many pass it, and the list. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { modelsQuery, type Group } from '../../api/queries.ts';
import { useLive } from '../../live/context.tsx';
import type { Names } from '../../live/names.ts';
import { statesOf, type FleetSearch } from '../../router.tsx';
import { useAtLeast, useMe } from '../../shell/shell.tsx';
import { Button } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Loading, Notice } from '../../ui/states.tsx';
import { Filters, Legend } from './filters.tsx';
import { FoundList } from './found_list.tsx';
import { LiveList } from './live_list.tsx';
import { isFiltered, type ShownFleet } from './shown.ts';
import css from './fleet.module.css';

export type Change = { [K in keyof FleetSearch]?: FleetSearch[K] | undefined };

export interface PanelProps {
	search: FleetSearch;
	groups: readonly Group[];
	shown: ShownFleet;
	onChange: (change: Change) => void;
	onOpen: (device: string) => void;
}

/** Devices that the form to send shows by name; they stand in its address. */
const MOST_AT_ONCE = 100;

const noFilter: Change = { q: undefined, state: undefined, group: undefined, model: undefined, silent: undefined };

export function Panel(props: PanelProps) {
	const { search, groups, shown, onChange } = props;
	const { t } = useTranslation();
	const [filtersOpen, setFiltersOpen] = useState(false);
	const models = useModels(shown.tooMany);
	const filtered = isFiltered(search);
	return (
		<section className={css.panel} aria-label={t('fleet.list')}>
			<Legend
				counts={shown.counts}
				chosen={statesOf(search)}
				onChange={(states) => onChange({ state: states.length === 0 ? undefined : states.join(',') })}
			/>
			<div className={css.filters} data-open={filtersOpen}>
				<Filters search={search} groups={groups} models={models} onChange={onChange} />
			</div>
			<div className={css.summary}>
				<p role="status">
					{shown.waiting
						? t('state.loading')
						: filtered
							? t('fleet.countOf', { shown: shown.matched, count: shown.total })
							: t('fleet.count', { count: shown.total })}
				</p>
				<div className={css.summaryActions}>
					{filtered && <SendTo shown={shown} />}
					{filtered && (
						<button type="button" className={css.link} onClick={() => onChange(noFilter)}>
							{t('fleet.clear')}
						</button>
					)}
					<button
						type="button"
						className={css.filterToggle}
						aria-expanded={filtersOpen}
						onClick={() => setFiltersOpen(!filtersOpen)}
					>
						<Icon name="filter" size={16} /> {t('fleet.filters')}
					</button>
				</div>
			</div>
			<div className={css.list}>
				<Rows {...props} />
			</div>
		</section>
	);
}

function Rows({ search, shown, onChange, onOpen }: PanelProps) {
	const { t } = useTranslation();
	const me = useMe();
	const isWithoutRights = me !== undefined && me.roles.length === 0;
	if (shown.waiting) return <Loading lines={12} />;
	if (shown.total === 0 && isWithoutRights)
		return (
			<Notice icon="key" title={t('fleet.noRightsTitle')}>
				{t('fleet.noRightsHelp')}
			</Notice>
		);
	if (shown.total === 0)
		return (
			<Notice icon="map" title={t('fleet.emptyTitle')}>
				{t('fleet.emptyHelp')}
			</Notice>
		);
	if (shown.impossible)
		return (
			<Notice
				icon="warning"
				title={t('fleet.impossibleTitle')}
				action={<Button onPress={() => onChange(noFilter)}>{t('fleet.clear')}</Button>}
			>
				{t('fleet.impossibleHelp')}
			</Notice>
		);
	if (shown.matched === 0)
		return (
			<Notice
				icon="search"
				title={t('fleet.noneTitle')}
				action={<Button onPress={() => onChange(noFilter)}>{t('fleet.clear')}</Button>}
			>
				{t('fleet.noneHelp')}
			</Notice>
		);
	if (shown.tooMany)
		return (
			<FoundList
				filter={shown.filter}
				sort={search.sort ?? 'state'}
				total={shown.matched}
				chosen={search.device}
				onOpen={onOpen}
			/>
		);
	return <LiveList numbers={shown.sorted} chosen={search.device} onOpen={onOpen} />;
}

/** The way to send a command to what passes the filter, where the form can hold so many. */
function SendTo({ shown }: { shown: ShownFleet }) {
	const { t } = useTranslation();
	const { fleet } = useLive();
	const maySend = useAtLeast('operator');
	const numbers = shown.tooMany ? shown.numbers : shown.sorted;
	const isWhole = numbers.length === shown.matched;
	if (!maySend || !isWhole || numbers.length === 0 || numbers.length > MOST_AT_ONCE) return null;
	return (
		<Link to="/commands/send" search={{ to: Array.from(numbers, (n) => fleet.ids[n]).join(',') }} className={css.link}>
			{t('fleet.sendTo')}
		</Link>
	);
}

/** Models that the fleet has, in order: those that the page knows, or by the server. */
function useModels(tooMany: boolean): readonly string[] {
	const live = useLive();
	const asked = useQuery({ ...modelsQuery, enabled: tooMany }).data;
	const { size } = live.fleet;
	const { version } = live.names;
	// eslint-disable-next-line react-hooks/exhaustive-deps -- `version` stands for the names, which change in place
	const known = useMemo(() => modelsOf(live.names, size), [live, size, version]);
	return tooMany ? (asked ?? known) : known;
}

function modelsOf(names: Names, size: number): string[] {
	const found = new Set<string>();
	for (let i = 0; i < size; i++) {
		const model = names.get(i)?.model;
		if (model !== null && model !== undefined) found.add(model);
	}
	return [...found].sort();
}
