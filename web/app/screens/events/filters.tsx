/** The filter of the events: how grave, what, whose, when. All of it is in the address. */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { deviceQuery, groupsQuery } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import { Select } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { asWords } from '../../ui/readings.ts';
import { groupOptions } from '../fleet/filters.tsx';
import page from '../../ui/page.module.css';
import { DevicePicker } from './device_picker.tsx';
import css from './events.module.css';

const route = getRouteApi('/events');

const severities = ['alarm', 'warning', 'info'] as const;

/** What most trackers say; others are offered once one has come. */
const common = [
	'ignition_on',
	'ignition_off',
	'movement_start',
	'movement_stop',
	'trip_start',
	'trip_end',
	'idling',
	'idling_end',
	'overspeed',
	'harsh_braking',
	'harsh_acceleration',
	'harsh_cornering',
	'crash',
	'towing',
	'jamming',
	'unplugged',
	'power_cut',
	'battery_low',
	'alarm_button',
	'geofence_enter',
	'geofence_leave',
	'driver_identified',
];

const times = [
	[3600, 'events.lastHour'],
	[86_400, 'events.lastDay'],
	[604_800, 'events.lastWeek'],
] as const;

export function EventFilters({ kinds }: { kinds: readonly string[] }) {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const groups = useQuery(groupsQuery).data ?? [];
	const set = (change: { [K in keyof typeof search]?: (typeof search)[K] | undefined }) =>
		void navigate({
			replace: true,
			search: (before) =>
				Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, v]) => v !== undefined)),
		});
	const chosen = (search.severity ?? '').split(',').filter((s) => s !== '');
	const known = [...new Set([...(search.kind ?? '').split(','), ...common, ...kinds])].filter((k) => k !== '').sort();
	const groupChoice = groupOptions(groups).filter((o) => o.id !== '1');
	return (
		<div className={css.filters}>
			<div className={page.pills} role="group" aria-label={t('events.severity')}>
				<button
					type="button"
					className={page.pill}
					aria-pressed={chosen.length === 0}
					onClick={() => set({ severity: undefined })}
				>
					{t('events.all')}
				</button>
				{severities.map((s) => {
					const on = chosen.includes(s);
					const next = on ? chosen.filter((x) => x !== s) : [...chosen, s];
					return (
						<button
							key={s}
							type="button"
							className={page.pill}
							aria-pressed={on}
							onClick={() => set({ severity: next.length === 0 ? undefined : next.join(',') })}
						>
							{t(`events.${s}s`)}
						</button>
					);
				})}
			</div>
			<Select
				label={t('events.kind')}
				hideLabel
				compact
				value={search.kind ?? ''}
				options={[{ id: '', label: t('events.allKinds') }, ...known.map((k) => ({ id: k, label: asWords(k) }))]}
				onChange={(id) => set({ kind: id === '' ? undefined : id })}
			/>
			{groupChoice.length > 0 && (
				<Select
					label={t('fleet.group')}
					hideLabel
					compact
					value={search.group ?? ''}
					options={[{ id: '', label: t('fleet.allGroups') }, ...groupChoice]}
					onChange={(id) => set({ group: id === '' ? undefined : id })}
				/>
			)}
			<Select
				label={t('events.arrived')}
				hideLabel
				compact
				value={search.day !== undefined ? 'day' : String(search.last ?? '')}
				options={[
					{ id: '', label: t('events.anyTime') },
					...times.map(([s, label]) => ({ id: String(s), label: t(label) })),
					...(search.day === undefined ? [] : [{ id: 'day', label: search.day }]),
				]}
				onChange={(id) => {
					if (id !== 'day') set({ day: undefined, last: id === '' ? undefined : Number(id) });
				}}
			/>
			<label className={css.day}>
				<span className="unseen">{t('events.day')}</span>
				<input
					type="date"
					value={search.day ?? ''}
					onChange={(event) => {
						const { value } = event.target;
						set({ day: value === '' ? undefined : value, last: undefined });
					}}
				/>
			</label>
			{search.device === undefined ? (
				<DevicePicker onPick={(device) => set({ device })} />
			) : (
				<OneDevice device={search.device} onAll={() => set({ device: undefined })} />
			)}
		</div>
	);
}

function OneDevice({ device, onAll }: { device: string; onAll: () => void }) {
	const { t } = useTranslation();
	const only = useQuery(deviceQuery(device)).data;
	return (
		<button type="button" className={page.only} onClick={onAll}>
			{t('commands.forDevice', { name: only === undefined ? '…' : titleOf(only) })}
			<Icon name="close" size={12} />
			<span className="unseen">{t('commands.allDevices')}</span>
		</button>
	);
}
