/** The legend, which counts and filters by state, and the other parts of the filter. */
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { inOrder, treeOf } from '../../api/group_tree.ts';
import type { Group } from '../../api/queries.ts';
import { sorts, type Sort } from '../../live/filter.ts';
import type { FleetSearch } from '../../router.tsx';
import { states, type State } from '../../../shared/state.ts';
import { Select, type Option } from '../../ui/controls.tsx';
import { StateMark } from '../../ui/state_mark.tsx';
import css from './filters.module.css';

/** As a dispatcher asks: who moves, who stands, what is wrong. */
const order: readonly State[] = ['moving', 'standing', 'silent', 'nofix', 'out'];

export function Legend({
	counts,
	chosen,
	onChange,
}: {
	counts: readonly number[];
	chosen: readonly State[];
	onChange: (states: State[]) => void;
}) {
	const { t } = useTranslation();
	const locale = useLocale();
	const number = new Intl.NumberFormat(locale);
	return (
		<div className={css.legend} data-many={counts.some((n) => n > 999)} role="group" aria-label={t('fleet.legend')}>
			{order.map((state) => {
				const on = chosen.includes(state);
				return (
					<button
						key={state}
						type="button"
						className={css.entry}
						aria-pressed={on}
						data-dim={chosen.length > 0 && !on}
						onClick={() => onChange(on ? chosen.filter((s) => s !== state) : [...chosen, state])}
					>
						<StateMark state={state} size={15} />
						<span className={css.count}>{number.format(counts[states.indexOf(state)] ?? 0)}</span>
						<span className={css.name}>{t(`state.${state}`)}</span>
					</button>
				);
			})}
		</div>
	);
}

const silences = [
	[600, 'fleet.silent10m'],
	[3600, 'fleet.silent1h'],
	[21_600, 'fleet.silent6h'],
	[86_400, 'fleet.silent1d'],
	[604_800, 'fleet.silent7d'],
] as const;

const sortLabels = {
	name: 'fleet.sortName',
	state: 'fleet.sortState',
	speed: 'fleet.sortSpeed',
	seen: 'fleet.sortSeen',
	silent: 'fleet.sortSilent',
} as const satisfies Record<Sort, string>;

/** The tree as a list: each below its parent, with all devices in and below it. The root itself is "all groups". */
export function groupOptions(groups: readonly Group[]): Option<string>[] {
	return inOrder(treeOf(groups)).map(({ group, devices, depth }) => ({
		id: group.id,
		label: group.name,
		depth: Math.min(depth, 3),
		note: devices === 0 ? undefined : String(devices),
	}));
}

export function ModelFilter({
	model,
	models,
	onChange,
}: {
	model: string | undefined;
	models: readonly string[];
	onChange: (model: string | undefined) => void;
}) {
	const { t } = useTranslation();
	return (
		<Select
			label={t('fleet.model')}
			hideLabel
			compact
			value={model ?? ''}
			options={[{ id: '', label: t('fleet.allModels') }, ...models.map((m) => ({ id: m, label: m }))]}
			onChange={(id) => onChange(id === '' ? undefined : id)}
		/>
	);
}

export function SilentFilter({
	seconds,
	onChange,
}: {
	seconds: number | undefined;
	onChange: (seconds: number | undefined) => void;
}) {
	const { t } = useTranslation();
	return (
		<Select
			label={t('fleet.silentFor')}
			hideLabel
			compact
			value={String(seconds ?? '')}
			options={[
				{ id: '', label: `${t('fleet.silentFor')}: ${t('fleet.anySilence')}` },
				...silences.map(([s, label]) => ({ id: String(s), label: t(label) })),
			]}
			onChange={(id) => onChange(id === '' ? undefined : Number(id))}
		/>
	);
}

/** Each second the fleet changes, and this doesn't. */
export const Filters = memo(function Filters({
	search,
	groups,
	models,
	onChange,
}: {
	search: FleetSearch;
	groups: readonly Group[];
	models: readonly string[];
	onChange: (change: { [K in keyof FleetSearch]?: FleetSearch[K] | undefined }) => void;
}) {
	const { t } = useTranslation();
	return (
		<>
			<Select
				label={t('fleet.group')}
				hideLabel
				compact
				value={search.group ?? ''}
				options={[{ id: '', label: t('fleet.allGroups') }, ...groupOptions(groups).filter((o) => o.id !== '1')]}
				onChange={(id) => onChange({ group: id === '' ? undefined : id })}
			/>
			<ModelFilter model={search.model} models={models} onChange={(model) => onChange({ model })} />
			<SilentFilter seconds={search.silent} onChange={(silent) => onChange({ silent })} />
			<Select
				label={t('fleet.sort')}
				hideLabel
				compact
				value={search.sort ?? 'state'}
				options={sorts.map((s) => ({ id: s, label: t(sortLabels[s]) }))}
				onChange={(id) => onChange({ sort: id === 'state' ? undefined : id })}
			/>
		</>
	);
});
