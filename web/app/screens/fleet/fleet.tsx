/** Map and list: one screen, one filter. The address holds the filter, the chosen device and the map's place. */
import { getRouteApi } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { groupsQuery, type Group } from '../../api/queries.ts';
import { applyFilter, sortNumbers } from '../../live/filter.ts';
import { useFleetVersion, useLive } from '../../live/context.tsx';
import { statesOf, type FleetSearch } from '../../router.tsx';
import { Button } from '../../ui/controls.tsx';
import { Loading, Notice } from '../../ui/states.tsx';
import { Icon } from '../../ui/icons.tsx';
import { DeviceSheet } from '../device/sheet.tsx';
import { Filters, Legend } from './filters.tsx';
import { DeviceList } from './list.tsx';
import css from './fleet.module.css';

const FleetMap = lazy(() => import('./map.tsx').then((m) => ({ default: m.FleetMap })));
const route = getRouteApi('/');

/** A group and all below it. */
export function within(groups: readonly Group[], id: string): Set<string> {
	const found = new Set([id]);
	for (let before = 0; before !== found.size; ) {
		before = found.size;
		for (const g of groups) if (g.parent !== null && found.has(g.parent)) found.add(g.id);
	}
	return found;
}

export function FleetScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const live = useLive();
	const version = useFleetVersion();
	const groups = useQuery(groupsQuery).data;
	const [filtersOpen, setFiltersOpen] = useState(false);

	const set = (change: { [K in keyof FleetSearch]?: FleetSearch[K] | undefined }, replace = true) =>
		void navigate({
			replace,
			search: (before) =>
				Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, v]) => v !== undefined)) as FleetSearch,
		});

	const chosenGroups = useMemo(
		() => (search.group === undefined ? null : within(groups ?? [], search.group)),
		[groups, search.group],
	);
	const shown = useMemo(
		() =>
			applyFilter(
				live.fleet,
				live.names,
				{
					q: search.q ?? '',
					states: statesOf(search),
					groups: chosenGroups,
					model: search.model ?? null,
					silentForS: search.silent ?? null,
				},
				live.now(),
			),
		// eslint-disable-next-line react-hooks/exhaustive-deps -- `version` stands for the fleet, which changes in place
		[version, live, search.q, search.state, search.model, search.silent, chosenGroups],
	);
	const sort = search.sort ?? 'state';
	const sorted = useMemo(() => sortNumbers(live.fleet, live.names, shown.numbers, sort), [live, shown, sort]);
	const chosen = search.device === undefined ? undefined : live.fleet.numberOf(search.device);

	useEffect(() => {
		live.watch(search.device === undefined ? [] : [search.device]);
	}, [live, search.device]);

	const choose = (number: number | null) => {
		const id = number === null ? undefined : live.fleet.ids[number];
		if (id === search.device) return;
		set({ device: id, follow: undefined }, search.device !== undefined && id !== undefined);
	};
	// The sheet gives the focus back to where it came from.
	const opener = useRef<Element | null>(null);
	const open = (number: number) => {
		opener.current = document.activeElement;
		choose(number);
	};
	const close = () => {
		set({ device: undefined, follow: undefined }, false);
		if (opener.current instanceof HTMLElement) opener.current.focus();
	};

	const filtered =
		search.q !== undefined ||
		search.state !== undefined ||
		search.group !== undefined ||
		search.model !== undefined ||
		search.silent !== undefined;
	const clear = () => set({ q: undefined, state: undefined, group: undefined, model: undefined, silent: undefined });
	const waiting = !live.fleet.complete && live.fleet.size === 0;
	const listView = search.view === 'list';

	return (
		<div className={css.screen} data-view={listView ? 'list' : 'map'} data-sheet={search.device !== undefined}>
			<h1 className={css.hidden}>{t('fleet.title')}</h1>
			<section className={css.panel} aria-label={t('fleet.list')}>
				<Legend
					counts={shown.counts}
					chosen={statesOf(search)}
					onChange={(states) => set({ state: states.length === 0 ? undefined : states.join(',') })}
				/>
				<div className={css.filters} data-open={filtersOpen}>
					<Filters
						search={search}
						groups={groups ?? []}
						models={modelsOf(live.names, live.fleet.size)}
						onChange={set}
					/>
				</div>
				<div className={css.summary}>
					<p role="status">
						{filtered
							? t('fleet.countOf', { shown: sorted.length, total: shown.total })
							: t('fleet.count', { count: shown.total })}
					</p>
					<div className={css.summaryActions}>
						{filtered && (
							<button type="button" className={css.link} onClick={clear}>
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
					{waiting ? (
						<Loading lines={12} />
					) : shown.total === 0 ? (
						<Notice icon="map" title={t('fleet.emptyTitle')}>
							{t('fleet.emptyHelp')}
						</Notice>
					) : sorted.length === 0 ? (
						<Notice
							icon="search"
							title={t('fleet.noneTitle')}
							action={<Button onPress={clear}>{t('fleet.clear')}</Button>}
						>
							{t('fleet.noneHelp')}
						</Notice>
					) : (
						<DeviceList numbers={sorted} chosen={chosen} onOpen={open} />
					)}
				</div>
			</section>
			<section className={css.map} aria-label={t('fleet.map')}>
				<Suspense fallback={<Loading />}>
					<FleetMap
						numbers={shown.numbers}
						chosen={chosen}
						follow={search.follow === true}
						at={search.at}
						covered={search.device !== undefined}
						onPick={(n) => (n === null ? search.device !== undefined && close() : open(n))}
						onMoved={(at) => set({ at })}
						onFollow={(on) => set({ follow: on ? true : undefined })}
					/>
				</Suspense>
			</section>
			<div className={css.switch} role="group" aria-label={t('fleet.title')}>
				<button type="button" aria-pressed={!listView} onClick={() => set({ view: undefined })}>
					<Icon name="map" size={16} /> {t('fleet.map')}
				</button>
				<button type="button" aria-pressed={listView} onClick={() => set({ view: 'list' })}>
					<Icon name="list" size={16} /> {t('fleet.list')}
				</button>
			</div>
			{search.device !== undefined && (
				<DeviceSheet
					key={search.device}
					device={search.device}
					following={search.follow === true}
					onFollow={(on) => set({ follow: on ? true : undefined, view: undefined })}
					onClose={close}
				/>
			)}
		</div>
	);
}

/** Models that the fleet has, in order. */
function modelsOf(names: { get: (n: number) => { model: string | null } | undefined }, size: number): string[] {
	const found = new Set<string>();
	for (let i = 0; i < size; i++) {
		const model = names.get(i)?.model;
		if (model !== null && model !== undefined) found.add(model);
	}
	return [...found].sort();
}
