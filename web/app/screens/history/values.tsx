/** Values by time, as charts or as a table; which ones is chosen here and stands in the address. */
import { useQuery } from '@tanstack/react-query';
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useOwn } from '../../i18n/own.ts';
import { elementsQuery, seriesQuery, type Element } from '../../api/history.ts';
import { Checkbox } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Broken, Loading } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { Chart } from './charts.tsx';
import type { Cursor } from './cursor.ts';
import type { Shown } from './days.ts';
import { inUnits } from './series_units.ts';
import { ValueTable } from './table.tsx';
import type { Words } from './words.ts';
import css from './values.module.css';

const MOST = 6;
const FIRST = ['speed', '66'];

function chosenOf(values: string | undefined, elements: readonly Element[] | undefined): string[] {
	const named = (values ?? '').split(',').filter((of) => /^(?:speed|altitude|satellites|\d{1,5})$/.test(of));
	if (named.length > 0) return [...new Set(named)].slice(0, MOST);
	return FIRST.filter((of) => of === 'speed' || elements?.some((e) => e.of === of) === true);
}

export function Values({
	device,
	shown,
	cursor,
	words,
	values,
	onValues,
	table,
	onTable,
}: {
	device: string;
	shown: Shown;
	cursor: Cursor;
	words: Words;
	values: string | undefined;
	onValues: (values: string) => void;
	table: boolean;
	onTable: (on: boolean) => void;
}) {
	const { t } = useTranslation();
	const elements = useQuery(elementsQuery(device, shown)).data;
	const chosen = chosenOf(values, elements);
	const { units } = useOwn();
	const series = useQuery(seriesQuery(device, shown, chosen));
	const items = useMemo(() => (series.data?.items ?? []).map((s) => inUnits(s, units)), [series.data, units]);
	return (
		<section className={css.values} aria-label={t('history.values')}>
			<header className={css.head}>
				<div className={css.switch} role="group" aria-label={t('history.values')}>
					<button type="button" className={page.pill} aria-pressed={!table} onClick={() => onTable(false)}>
						{t('history.chart')}
					</button>
					<button type="button" className={page.pill} aria-pressed={table} onClick={() => onTable(true)}>
						{t('history.table')}
					</button>
				</div>
				<DialogTrigger>
					<AriaButton className={css.choose ?? ''}>
						{t('history.choosesValues')} <Icon name="down" size={14} />
					</AriaButton>
					<Popover className={css.popover ?? ''} offset={4} placement="top end">
						<Dialog className={css.dialog ?? ''} aria-label={t('history.choosesValues')}>
							<Chooser
								elements={(elements ?? []).filter((e) => e.numeric)}
								chosen={chosen}
								words={words}
								onChange={(next) => onValues(next.join(','))}
							/>
						</Dialog>
					</Popover>
				</DialogTrigger>
			</header>
			<div className={css.content} {...(table ? {} : { role: 'group', tabIndex: 0, 'aria-label': t('history.chart') })}>
				{series.data === undefined ? (
					series.isError ? (
						<Broken error={series.error} retry={() => void series.refetch()} />
					) : (
						<Loading lines={5} />
					)
				) : table ? (
					<ValueTable series={items} cursor={cursor} words={words} />
				) : (
					items.map((s) => (
						<Chart key={s.of} series={s} stepS={series.data.stepS} range={shown} cursor={cursor} words={words} />
					))
				)}
			</div>
		</section>
	);
}

function Chooser({
	elements,
	chosen,
	words,
	onChange,
}: {
	elements: readonly Element[];
	chosen: readonly string[];
	words: Words;
	onChange: (chosen: string[]) => void;
}) {
	const { t } = useTranslation();
	return (
		<>
			<p className={css.help}>{t('history.mostValues')}</p>
			<ul className={css.choices}>
				{elements.map((e) => {
					const on = chosen.includes(e.of);
					return (
						<li key={e.of}>
							<Checkbox
								isSelected={on}
								isDisabled={on ? chosen.length === 1 : chosen.length >= MOST}
								onChange={(next) => onChange(next ? [...chosen, e.of] : chosen.filter((of) => of !== e.of))}
								hint={[e.unit ?? '', e.id === null ? '' : String(e.id)].filter((s) => s !== '').join(' · ')}
							>
								{words.value(e.name, e.of)}
							</Checkbox>
						</li>
					);
				})}
			</ul>
		</>
	);
}
