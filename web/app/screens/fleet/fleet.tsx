/** Map and list: one screen, one filter. The address holds the filter, the chosen device and the map's place. */
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { groupsQuery, type Group } from '../../api/queries.ts';
import { useLive } from '../../live/context.tsx';
import type { FleetSearch } from '../../router.tsx';
import { codeOf } from '../../shell/code.ts';
import { Icon } from '../../ui/icons.tsx';
import { Loading } from '../../ui/states.tsx';
import { useTitle } from '../../ui/title.ts';
import { DeviceSheet } from '../device/sheet.tsx';
import { Panel, type Change } from './panel.tsx';
import { useShown } from './shown.ts';
import css from './fleet.module.css';

// At once, beside what this screen asks for: the map is the largest part of it.
const map = codeOf(import('./map.tsx'));
const FleetMap = lazy(() => map.then((m) => ({ default: m.FleetMap })));
const route = getRouteApi('/');

/** Changes the address; `replace`: without a step back in the browser. */
function useSet(): (change: Change, replace?: boolean) => void {
	const navigate = route.useNavigate();
	return useCallback(
		(change, replace = true) =>
			void navigate({
				replace,
				search: (before) =>
					Object.fromEntries(
						Object.entries({ ...before, ...change }).filter(([, v]) => v !== undefined),
					) as FleetSearch,
			}),
		[navigate],
	);
}

const noGroups: readonly Group[] = [];

export function FleetScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const set = useSet();
	const { history } = useRouter();
	const live = useLive();
	const groups = useQuery(groupsQuery).data ?? noGroups;
	const shown = useShown(search, groups);
	useTitle(t('fleet.title'));
	const { device } = search;

	useEffect(() => {
		live.watch(device === undefined ? [] : [device]);
	}, [live, device]);

	// The sheet gives the focus back to where it came from.
	const opener = useRef<Element | null>(null);
	const open = (id: string) => {
		opener.current = document.activeElement;
		if (id !== device) set({ device: id, follow: undefined }, device !== undefined);
	};
	const close = () => {
		set({ device: undefined, follow: undefined }, false);
		if (opener.current instanceof HTMLElement) opener.current.focus();
	};
	const pick = (number: number | null) => {
		const id = number === null ? undefined : live.fleet.ids[number];
		if (id !== undefined) open(id);
		else if (device !== undefined) close();
	};

	// Whoever is on the way to another page goes there: a map that still moves would call them back.
	const moved = (at: string) => {
		if (history.location.pathname === '/') set({ at });
	};

	return (
		<div className={css.screen} data-view={search.view ?? 'map'} data-sheet={device !== undefined}>
			<h1 className="unseen">{t('fleet.title')}</h1>
			<Panel search={search} groups={groups} shown={shown} onChange={set} onOpen={open} />
			<section className={css.map} aria-label={t('fleet.map')}>
				<Suspense fallback={<Loading />}>
					<FleetMap
						numbers={shown.numbers}
						device={device}
						chosen={device === undefined ? undefined : live.fleet.numberOf(device)}
						follow={search.follow === true}
						at={search.at}
						covered={device !== undefined}
						onPick={pick}
						onMoved={moved}
						onFollow={(on) => set({ follow: on ? true : undefined })}
					/>
				</Suspense>
			</section>
			<ViewSwitch listView={search.view === 'list'} onChange={(view) => set({ view })} />
			{device !== undefined && (
				<DeviceSheet
					key={device}
					device={device}
					following={search.follow === true}
					onFollow={(on) => set({ follow: on ? true : undefined, view: undefined })}
					onClose={close}
				/>
			)}
		</div>
	);
}

/** On a phone one sees the one or the other. */
function ViewSwitch({ listView, onChange }: { listView: boolean; onChange: (view: 'list' | undefined) => void }) {
	const { t } = useTranslation();
	return (
		<div className={css.switch} role="group" aria-label={t('fleet.title')}>
			<button type="button" aria-pressed={!listView} onClick={() => onChange(undefined)}>
				<Icon name="map" size={16} /> {t('fleet.map')}
			</button>
			<button type="button" aria-pressed={listView} onClick={() => onChange('list')}>
				<Icon name="list" size={16} /> {t('fleet.list')}
			</button>
		</div>
	);
}
