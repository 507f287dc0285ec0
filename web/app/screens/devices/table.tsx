/**
 * The inventory as a table, of which only the rows in sight are in the page. One row is the present one: the tab key stops at
 * its controls alone, and the arrow keys go to the same control of another
 * row, or to the nearest one that it has.
 */
import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Device } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import { CategoryIcon } from '../../ui/category.tsx';
import { Icon, type IconName } from '../../ui/icons.tsx';
import { StateMark } from '../../ui/state_mark.tsx';
import { Chip, StateText } from '../../ui/text.tsx';
import { Ago } from '../../ui/time.tsx';
import type { DeviceRights } from './rights.ts';
import { nearest } from './row_controls.ts';
import type { Selection } from './selection.ts';
import css from './table.module.css';

/** As in table.module.css. */
const ROW = { desk: 52, phone: 112 };

export interface TableProps {
	devices: readonly Device[];
	/** How many there would be if all were there. */
	total: number;
	rights: DeviceRights;
	selection: Selection;
	groupName: (id: string) => string;
	onEdit: (device: string) => void;
	/** A row near the end is in sight. */
	onEnd: () => void;
	/** What is shown is of another filter, until its own is there. */
	isOld: boolean;
}

function controlOf(element: HTMLElement): string {
	return element.dataset['control'] ?? '';
}

/** The height of a row, which another width of the window changes. */
function useRowHeight(): number {
	const [isPhone, setPhone] = useState(() => matchMedia('(max-width: 760px)').matches);
	useEffect(() => {
		const media = matchMedia('(max-width: 760px)');
		const look = () => setPhone(media.matches);
		media.addEventListener('change', look);
		return () => media.removeEventListener('change', look);
	}, []);
	return isPhone ? ROW.phone : ROW.desk;
}

export function DeviceTable(props: TableProps) {
	const { devices, total, onEnd, isOld } = props;
	const { t } = useTranslation();
	const box = useRef<HTMLDivElement>(null);
	const [present, setPresent] = useState(0);
	/** The control that gets the focus as soon as its row is in the page. */
	const wanted = useRef<{ row: number; control: string } | null>(null);
	/** Where the focus went as its row has not the control that one walks along. */
	const instead = useRef<{ element: Element; control: string } | null>(null);
	const height = useRowHeight();
	const count = devices.length;
	const active = Math.min(present, count - 1);
	// eslint-disable-next-line react-hooks/incompatible-library -- the rows are meant to follow its every call
	const rows = useVirtualizer({
		count,
		getScrollElement: () => box.current,
		estimateSize: () => height,
		overscan: 6,
		getItemKey: (i) => devices[i]?.id ?? i,
		// The present row stays, with the focus.
		rangeExtractor: (range: Range) =>
			[...new Set([...defaultRangeExtractor(range), active])].filter((i) => i >= 0).sort((a, b) => a - b),
	});
	useEffect(() => rows.measure(), [rows, height]);
	const items = rows.getVirtualItems();
	const last = rows.range?.endIndex ?? 0;
	useEffect(() => {
		if (count > 0 && last >= count - 10) onEnd();
	}, [last, count, onEnd]);

	useEffect(() => {
		const to = wanted.current;
		if (to === null) return;
		const there = [
			...(box.current?.querySelectorAll<HTMLElement>(`[data-row="${to.row}"] [data-control]:not(:disabled)`) ?? []),
		];
		const element = there[nearest(there.map(controlOf), to.control)];
		if (element === undefined) return;
		wanted.current = null;
		element.focus({ preventScroll: true });
		instead.current = controlOf(element) === to.control ? null : { element, control: to.control };
	});

	const walk = (event: KeyboardEvent<HTMLElement>) => {
		if (!(event.target instanceof HTMLElement)) return;
		const control = event.target === instead.current?.element ? instead.current.control : controlOf(event.target);
		const jump = Math.max(1, Math.floor((box.current?.clientHeight ?? 500) / height) - 1);
		const moves: Record<string, number> = {
			ArrowDown: Math.min(count - 1, active + 1),
			ArrowUp: Math.max(0, active - 1),
			PageDown: Math.min(count - 1, active + jump),
			PageUp: Math.max(0, active - jump),
			Home: 0,
			End: count - 1,
		};
		const to = moves[event.key];
		if (to === undefined || control === '') return;
		event.preventDefault();
		wanted.current = { row: to, control };
		setPresent(to);
		rows.scrollToIndex(to);
	};

	return (
		<div
			className={css.table}
			role="grid"
			aria-label={t('inventory.list')}
			aria-rowcount={total + 1}
			aria-multiselectable
			aria-busy={isOld}
			onKeyDown={walk}
		>
			<div role="rowgroup" className={css.headGroup}>
				<div role="row" aria-rowindex={1} className={css.head}>
					<span role="columnheader">
						<span className="unseen">{t('inventory.selectAll')}</span>
					</span>
					<span role="columnheader">{t('inventory.name')}</span>
					<span role="columnheader">{t('device.model')}</span>
					<span role="columnheader">{t('device.group')}</span>
					<span role="columnheader">{t('device.phone')}</span>
					<span role="columnheader">{t('inventory.state')}</span>
					<span role="columnheader">
						<span className="unseen">{t('inventory.links')}</span>
					</span>
				</div>
			</div>
			<div ref={box} role="rowgroup" className={css.box} data-old={isOld}>
				<div className={css.all} style={{ height: rows.getTotalSize() }} role="presentation">
					{items.map((item) => {
						const device = devices[item.index];
						return (
							device !== undefined && (
								<Row
									{...props}
									key={item.key}
									device={device}
									row={item.index}
									start={item.start}
									isPresent={item.index === active}
									onPresent={() => setPresent(item.index)}
								/>
							)
						);
					})}
				</div>
			</div>
		</div>
	);
}

function Row({
	device,
	row,
	start,
	isPresent,
	onPresent,
	rights,
	selection,
	groupName,
	onEdit,
}: TableProps & { device: Device; row: number; start: number; isPresent: boolean; onPresent: () => void }) {
	const { t } = useTranslation();
	const name = titleOf(device);
	const mayEdit = rights.mayEdit(device);
	const tabIndex = isPresent ? 0 : -1;
	const isSelected = mayEdit && selection.has(device.id);
	const { state, silentSince } = device;
	return (
		<div
			role="row"
			aria-rowindex={row + 2}
			aria-selected={isSelected}
			data-row={row}
			data-off={!device.enabled}
			className={css.row}
			style={{ transform: `translateY(${start}px)` }}
			onFocus={onPresent}
		>
			<span role="gridcell" className={css.check}>
				<label className={css.tick}>
					<input
						type="checkbox"
						data-control="select"
						tabIndex={tabIndex}
						aria-label={t('inventory.select', { name })}
						checked={isSelected}
						disabled={!mayEdit || selection.all}
						onChange={(event) =>
							selection.toggle(device.id, event.nativeEvent instanceof MouseEvent && event.nativeEvent.shiftKey)
						}
					/>
				</label>
			</span>
			<span role="gridcell" className={css.who}>
				<span className={css.icon}>
					<CategoryIcon category={device.category} size={20} />
				</span>
				<span className={css.names}>
					<span className={css.line}>
						{mayEdit ? (
							<button
								type="button"
								data-control="name"
								tabIndex={tabIndex}
								className={css.name}
								aria-label={t('inventory.edit', { name })}
								onClick={() => onEdit(device.id)}
							>
								{name}
							</button>
						) : (
							<span className={css.name}>{name}</span>
						)}
						{device.plate !== null && device.plate !== name && <Chip tone="plate">{device.plate}</Chip>}
					</span>
					<span className={css.imei}>{device.imei}</span>
				</span>
			</span>
			<span role="gridcell" className={css.model}>
				{device.model !== null && (
					<Link to="/models" search={{ model: device.model }} tabIndex={tabIndex} data-control="model" preload={false}>
						{device.model}
					</Link>
				)}
			</span>
			<span role="gridcell" className={css.group}>
				{device.group === null ? t('inventory.noGroup') : groupName(device.group)}
			</span>
			<span role="gridcell" className={css.phone}>
				{device.phone}
			</span>
			<span role="gridcell" className={css.state}>
				<StateMark state={state} heading={device.heading ?? 0} />
				<span className={css.said}>
					<StateText state={state}>{t(`state.${device.out ?? state}`)}</StateText>
					{silentSince !== null && (
						<span className={css.age}>
							<Ago at={Date.parse(silentSince)} />
						</span>
					)}
				</span>
			</span>
			<span role="gridcell" className={css.links}>
				<Go
					to="/"
					search={{ device: device.id }}
					icon="map"
					label={t('inventory.onMap', { name })}
					tabIndex={tabIndex}
				/>
				<Go
					to="/devices/$device/history"
					params={{ device: device.id }}
					icon="history"
					label={t('inventory.history', { name })}
					tabIndex={tabIndex}
				/>
				<Go
					to="/devices/$device/why"
					params={{ device: device.id }}
					icon="question"
					label={t('inventory.why', { name })}
					tabIndex={tabIndex}
				/>
			</span>
		</div>
	);
}

type Where =
	| { to: '/'; search: { device: string } }
	| { to: '/devices/$device/history' | '/devices/$device/why'; params: { device: string } };

function Go({ icon, label, tabIndex, ...where }: Where & { icon: IconName; label: string; tabIndex: number }) {
	return (
		<Link
			{...where}
			className={css.go}
			aria-label={label}
			title={label}
			tabIndex={tabIndex}
			data-control={icon}
			preload={false}
		>
			<Icon name={icon} />
		</Link>
	);
}
