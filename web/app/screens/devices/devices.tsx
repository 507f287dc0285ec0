/** The inventory: all devices that one may see, by the server's search; whoever may changes them. The address is the view. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import {
	foundQuery,
	groupsQuery,
	modelsQuery,
	summaryQuery,
	type DeviceFilter,
	type Group,
} from '../../api/queries.ts';
import { statesOf, type DevicesSearch } from '../../router.tsx';
import { useAtLeast, useMe } from '../../shell/shell.tsx';
import { Button, buttonClass } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Broken, Loading, Notice } from '../../ui/states.tsx';
import { useTitle } from '../../ui/title.ts';
import { BulkDialog, type Which } from './bulk_dialog.tsx';
import { CreateDialog } from './create_dialog.tsx';
import { EditDialog } from './edit_dialog.tsx';
import { DeviceFilters, isFiltered, noFilter } from './filters.tsx';
import { GroupTree } from './group_tree.tsx';
import { useDeviceRights } from './rights.ts';
import { useSelection } from './selection.ts';
import { SelectionBar } from './selection_bar.tsx';
import { useSettled } from './settled.ts';
import { InventoryHead } from './tabs.tsx';
import { DeviceTable } from './table.tsx';
import panes from '../../ui/panes.module.css';

const route = getRouteApi('/devices');
const noGroups: readonly Group[] = [];

export type Change = { [K in keyof DevicesSearch]?: DevicesSearch[K] | undefined };

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
					) as DevicesSearch,
			}),
		[navigate],
	);
}

export function DevicesScreen() {
	const { t } = useTranslation();
	const me = useMe();
	const may = useAtLeast('installer');
	useTitle(t('inventory.title'));
	if (me === undefined) return <Loading lines={12} />;
	if (!may)
		return (
			<Notice icon="key" title={t('broken.forbidden')}>
				{t('broken.forbiddenHelp')}
			</Notice>
		);
	return <Inventory isAdmin={me.admin} />;
}

function Inventory({ isAdmin }: { isAdmin: boolean }) {
	const { t } = useTranslation();
	const search = route.useSearch();
	const set = useSet();
	const groups = useQuery(groupsQuery).data ?? noGroups;
	const models = useQuery(modelsQuery).data ?? [];
	const total = useQuery(summaryQuery).data?.devices;
	return (
		<div className={panes.screen}>
			<InventoryHead at="devices">
				<Link to="/devices/import" className={buttonClass()}>
					<Icon name="upload" size={16} /> {t('inventory.import')}
				</Link>
				<Button kind="primary" icon="plus" onPress={() => set({ add: true }, false)}>
					{t('inventory.add')}
				</Button>
			</InventoryHead>
			<div className={panes.body} data-side="wide">
				<div className={panes.side}>
					<GroupTree
						groups={groups}
						chosen={search.group}
						total={total}
						ungrouped={isAdmin}
						onChoose={(group) => set({ group }, false)}
					/>
				</div>
				<section className={panes.main} aria-label={t('inventory.list')}>
					<DeviceFilters search={search} groups={groups} models={models} ungrouped={isAdmin} onChange={set} />
					<Found search={search} groups={groups} onChange={set} />
				</section>
			</div>
			{search.add === true && (
				<CreateDialog
					title={t('inventory.newTitle')}
					action={t('inventory.create')}
					onClose={(made) => set(made === null ? { add: undefined } : { ...noFilter, add: undefined, q: made.imei })}
				/>
			)}
			{search.edit !== undefined && (
				<EditDialog key={search.edit} device={search.edit} onClose={() => set({ edit: undefined })} />
			)}
		</div>
	);
}

function filterOf(search: DevicesSearch): DeviceFilter {
	const chosen = statesOf(search);
	return {
		q: search.q?.slice(0, 100),
		state: chosen.length === 0 ? undefined : chosen.join(','),
		group: search.group,
		model: search.model,
		silentForS: search.silent,
	};
}

function Found({
	search,
	groups,
	onChange,
}: {
	search: DevicesSearch;
	groups: readonly Group[];
	onChange: (change: Change, replace?: boolean) => void;
}) {
	const [changing, setChanging] = useState<{ which: Which; count: number } | null>(null);
	const rights = useDeviceRights(groups);
	const wanted = useMemo(() => ({ ...filterOf(search), sort: search.sort ?? 'name' }), [search]);
	const key = useSettled(JSON.stringify(wanted));
	const asked = JSON.parse(key) as typeof wanted;
	const { sort: _, ...filter } = asked;
	const found = useInfiniteQuery(foundQuery(asked));
	const devices = useMemo(() => found.data?.pages.flatMap((p) => p.items) ?? [], [found.data]);
	const total = found.data?.pages[0]?.total ?? 0;
	const names = useMemo(() => new Map(groups.map((g) => [g.id, g.name])), [groups]);
	// While the list of the filter before is still shown, nothing of it is chosen for this one.
	const isOld = found.isPlaceholderData;
	const rows = useMemo(() => (isOld ? [] : devices.filter(rights.mayEdit).map((d) => d.id)), [devices, rights, isOld]);
	const selection = useSelection(JSON.stringify(filter), rows);
	const { fetchNextPage, hasNextPage, isFetchingNextPage } = found;
	const more = useCallback(() => {
		if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
	}, [fetchNextPage, hasNextPage, isFetchingNextPage]);
	// Of what was chosen when it was opened: a change may leave nothing that matches.
	const dialog = changing !== null && (
		<BulkDialog
			key="change"
			{...changing}
			groups={groups}
			onClose={(done) => {
				setChanging(null);
				if (done) selection.clear();
			}}
		/>
	);
	if (found.data === undefined)
		return found.isError ? <Broken error={found.error} retry={() => void found.refetch()} /> : <Loading lines={12} />;
	if (total === 0)
		return (
			<>
				<Nothing isFiltered={isFiltered(search)} onClear={() => onChange(noFilter)} />
				{dialog}
			</>
		);
	return (
		<>
			<SelectionBar
				selection={selection}
				total={total}
				isFiltered={isFiltered(search)}
				onClearFilter={() => onChange(noFilter)}
				onChange={() =>
					setChanging(
						selection.all
							? { which: { filter }, count: total }
							: { which: { devices: [...selection.ids] }, count: selection.ids.size },
					)
				}
			/>
			<DeviceTable
				devices={devices}
				total={total}
				rights={rights}
				selection={selection}
				groupName={(id) => names.get(id) ?? id}
				onEdit={(edit) => onChange({ edit }, false)}
				onEnd={more}
				isOld={isOld}
			/>
			{dialog}
		</>
	);
}

function Nothing({ isFiltered: filtered, onClear }: { isFiltered: boolean; onClear: () => void }) {
	const { t } = useTranslation();
	if (!filtered)
		return (
			<Notice icon="devices" title={t('inventory.emptyTitle')}>
				{t('inventory.emptyHelp')}
			</Notice>
		);
	return (
		<Notice icon="search" title={t('fleet.noneTitle')} action={<Button onPress={onClear}>{t('fleet.clear')}</Button>}>
			{t('fleet.noneHelp')}
		</Notice>
	);
}
