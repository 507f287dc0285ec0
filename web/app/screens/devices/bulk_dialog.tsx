/** The same change to many devices: what it would do is said first, by the server, then it is done as a whole. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import { request } from '../../api/client.ts';
import { modelsQuery, type DeviceFilter, type Group } from '../../api/queries.ts';
import type { BulkEditResult } from '../../../shared/operations.ts';
import { Button, Select, TextField, type Option } from '../../ui/controls.tsx';
import { categories, CategoryIcon, useCategoryName } from '../../ui/category.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Reason } from '../../ui/refusal.tsx';
import { Loading, Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { useDevicesChanged } from './changed.ts';
import { othersOf } from './preview.ts';
import { useDeviceRights } from './rights.ts';
import { useSettled } from './settled.ts';
import css from './devices.module.css';

type Result = z.infer<typeof BulkEditResult>;
type Field = Result['before'][number]['field'];
export type Which = { devices: string[] } | { filter: DeviceFilter };

/** What the form says; `keep`: nothing of this field. */
interface Wanted {
	group: string;
	enabled: 'keep' | 'true' | 'false';
	category: string;
	/** Empty: nothing. */
	model: string;
}

const KEEP = 'keep';
/** Of those that are refused, so many are named. */
const MOST_NAMED = 10;

function changeOf(w: Wanted) {
	return {
		...(w.group === KEEP ? {} : { group: w.group === '' ? null : w.group }),
		...(w.enabled === KEEP ? {} : { enabled: w.enabled === 'true' }),
		...(w.category === KEEP ? {} : { category: w.category === '' ? null : w.category }),
		...(w.model.trim() === '' ? {} : { model: w.model.trim() }),
	};
}

export function BulkDialog({
	which,
	count,
	groups,
	onClose,
}: {
	which: Which;
	count: number;
	groups: readonly Group[];
	onClose: (done: boolean) => void;
}) {
	const { t } = useTranslation();
	const changed = useDevicesChanged();
	const [wanted, setWanted] = useState<Wanted>({ group: KEEP, enabled: KEEP, category: KEEP, model: '' });
	const change = changeOf(wanted);
	const key = useSettled(JSON.stringify({ ...which, change }));
	const isEmpty = Object.keys(change).length === 0;
	const isSettled = key === JSON.stringify({ ...which, change });
	const preview = useQuery({
		queryKey: ['bulk', key],
		queryFn: ({ signal }) =>
			request<Result>('POST', '/devices/bulk', {
				body: { ...(JSON.parse(key) as object), dryRun: true },
				signal,
				asksOnly: true,
			}),
		enabled: !isEmpty && isSettled,
		gcTime: 0,
	});
	const apply = useMutation({
		mutationFn: () =>
			request<Result>('POST', '/devices/bulk', { body: { ...which, change, expect: preview.data?.tag } }),
		onSuccess: changed,
		// What matches now is what the next try is about.
		onError: () => void preview.refetch(),
	});
	if (apply.data !== undefined)
		return (
			<Dialog title={t('inventory.bulkTitle', { count })} isOpen onClose={() => onClose(true)}>
				<div className={page.form}>
					<p className={css.outcome} role="status">
						{t('inventory.bulkDone', { count: apply.data.changed })}
					</p>
					<Rest result={apply.data} />
					<div className={page.buttons}>
						<Button kind="primary" autoFocus onPress={() => onClose(true)}>
							{t('close')}
						</Button>
					</div>
				</div>
			</Dialog>
		);
	const plan = isEmpty || !isSettled ? undefined : preview.data;
	return (
		<Dialog title={t('inventory.bulkTitle', { count })} isOpen onClose={() => onClose(false)} wide>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					if (plan !== undefined && plan.toChange > 0) apply.mutate();
				}}
			>
				<Wishes wanted={wanted} groups={groups} onChange={(w) => setWanted({ ...wanted, ...w })} />
				<section className={css.preview} aria-label={t('send.preview')} aria-live="polite">
					{isEmpty ? (
						<p className={page.soft}>{t('inventory.bulkNothing')}</p>
					) : plan !== undefined ? (
						<Plan plan={plan} change={change} groups={groups} />
					) : preview.isError ? (
						<Problem error={preview.error} />
					) : (
						<Loading lines={2} />
					)}
				</section>
				<Problem error={apply.error} />
				<div className={page.buttons}>
					<Button onPress={() => onClose(false)}>{t('cancel')}</Button>
					<Button
						kind={wanted.enabled === 'false' ? 'danger' : 'primary'}
						type="submit"
						isDisabled={plan === undefined || plan.toChange === 0 || apply.isPending}
					>
						{t('inventory.bulkDo', { count: plan?.toChange ?? 0 })}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

function Wishes({
	wanted,
	groups,
	onChange,
}: {
	wanted: Wanted;
	groups: readonly Group[];
	onChange: (change: Partial<Wanted>) => void;
}) {
	const { t } = useTranslation();
	const nameOf = useCategoryName();
	const { places } = useDeviceRights(groups);
	const known = useQuery(modelsQuery).data ?? [];
	const keep: Option<string> = { id: KEEP, label: t('inventory.keep') };
	return (
		<>
			<div className={css.two}>
				<Select
					label={t('device.group')}
					value={wanted.group}
					options={[keep, ...places]}
					onChange={(group) => onChange({ group })}
				/>
				<Select
					label={t('inventory.access')}
					value={wanted.enabled}
					options={[
						{ id: KEEP, label: keep.label },
						{ id: 'true', label: t('inventory.enabled') },
						{ id: 'false', label: t('inventory.disabled') },
					]}
					onChange={(enabled) => onChange({ enabled })}
				/>
			</div>
			<div className={css.two}>
				<TextField
					label={t('device.model')}
					value={wanted.model}
					onChange={(model) => onChange({ model })}
					hint={known.length > 0 ? known.slice(0, 4).join(', ') : t('refused.modelHint')}
					example={t('inventory.keep')}
					autoComplete="off"
				/>
				<Select
					label={t('inventory.kind')}
					value={wanted.category}
					options={[
						keep,
						{ id: '', label: t('inventory.category.none') },
						...categories.map((c) => ({ id: c, label: nameOf(c), icon: <CategoryIcon category={c} /> })),
					]}
					onChange={(category) => onChange({ category })}
				/>
			</div>
		</>
	);
}

function Plan({
	plan,
	change,
	groups,
}: {
	plan: Result;
	change: ReturnType<typeof changeOf>;
	groups: readonly Group[];
}) {
	const { t } = useTranslation();
	const nameOf = useCategoryName();
	const labels: Record<Field, string> = {
		group: t('device.group'),
		enabled: t('inventory.access'),
		model: t('device.model'),
		category: t('inventory.kind'),
	};
	const say = (field: Field, value: string | null): string => {
		if (field === 'group')
			return value === null ? t('inventory.noGroup') : (groups.find((g) => g.id === value)?.name ?? value);
		if (field === 'enabled') return t(value === 'true' ? 'inventory.enabled' : 'inventory.disabled');
		if (value === null) return t('inventory.empty');
		return field === 'category' ? nameOf(value) : value;
	};
	const fields = Object.entries(change) as [Field, string | boolean | null][];
	return (
		<>
			<p className={css.outcome}>{t('inventory.willChange', { count: plan.toChange })}</p>
			{plan.toChange > 0 && (
				<dl className={css.changes}>
					{fields.map(([field, value]) => (
						<div key={field}>
							<dt>{labels[field]}</dt>
							<dd>
								{plan.before
									.filter((b) => b.field === field)
									.map((b) => t('inventory.before', { value: say(field, b.value), count: b.devices }))
									.concat(othersOf(plan, field) > 0 ? t('inventory.beforeRest', { count: othersOf(plan, field) }) : [])
									.join(', ')}{' '}
								→ <strong>{say(field, value === null ? null : String(value))}</strong>
							</dd>
						</div>
					))}
				</dl>
			)}
			{change.enabled === false && plan.toChange > 0 && <p className={css.warn}>{t('inventory.bulkDisable')}</p>}
			<Rest result={plan} />
		</>
	);
}

/** What is not changed, and why. */
function Rest({ result }: { result: Result }) {
	const { t } = useTranslation();
	const refused = result.items.filter((i) => i.outcome === 'refused').slice(0, MOST_NAMED);
	return (
		<>
			{result.same > 0 && <p className={page.soft}>{t('inventory.same', { count: result.same })}</p>}
			{result.refused > 0 && (
				<div>
					<p className={css.warn}>{t('inventory.refused', { count: result.refused })}</p>
					<ul className={css.named}>
						{refused.map((i) => (
							<li key={i.device}>
								{i.name ?? i.imei ?? i.device}: <Reason refusal={i.refusal} />
							</li>
						))}
						{result.refused > refused.length && <li>…</li>}
					</ul>
				</div>
			)}
		</>
	);
}
