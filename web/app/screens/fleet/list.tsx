/** A list of devices, wherever they come from: only the rows in sight are in the page. Arrow keys walk, Enter opens. */
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMeasures } from '../../i18n/measures.ts';
import type { OutReason, State } from '../../../shared/state.ts';
import { Chip, PlaceText, StateText } from '../../ui/text.tsx';
import { Icon } from '../../ui/icons.tsx';
import { StateMark } from '../../ui/state_mark.tsx';
import { Ago } from '../../ui/time.tsx';
import css from './list.module.css';

const ROW = 54;

export interface ListProps {
	/** Rows that are there. */
	count: number;
	/** Rows that there would be if all were there: what is read aloud. */
	total: number;
	/** The device of a row; undefined: it is still to come. */
	idOf: (row: number) => string | undefined;
	/** The row of a device; -1: it has none. */
	rowOf: (id: string) => number;
	/** Device. */
	chosen: string | undefined;
	onOpen: (id: string) => void;
	/** A row near the end is in sight. */
	onEnd?: () => void;
	row: (row: number) => ReactNode;
	/** What stands at the end of the row that is pointed at or present: a choice in a list can hold no link. */
	beside?: (id: string, row: number) => ReactNode;
}

export function List({ count, total, idOf, rowOf, chosen, onOpen, onEnd, row: draw, beside }: ListProps) {
	const { t } = useTranslation();
	const box = useRef<HTMLDivElement>(null);
	const [active, setActive] = useState<string | undefined>(chosen);
	// eslint-disable-next-line react-hooks/incompatible-library -- the rows are meant to follow its every call
	const rows = useVirtualizer({
		count,
		getScrollElement: () => box.current,
		estimateSize: () => ROW,
		overscan: 6,
		getItemKey: (i) => idOf(i) ?? i,
	});
	const [pointed, setPointed] = useState<string | undefined>(undefined);
	const position = active === undefined ? -1 : rowOf(active);
	const items = rows.getVirtualItems();

	const near = beside === undefined ? undefined : items.find((i) => idOf(i.index) === (pointed ?? active));

	const isAtEnd = (items.at(-1)?.index ?? 0) >= count - 1 && count > 0;
	useEffect(() => {
		if (isAtEnd) onEnd?.();
	}, [isAtEnd, onEnd, count]);

	// Chosen on the map: into sight in the list, once.
	const scrolledTo = useRef<string | undefined>(undefined);
	useEffect(() => {
		if (chosen === undefined || scrolledTo.current === chosen) return;
		scrolledTo.current = chosen;
		const at = rowOf(chosen);
		if (at >= 0) rows.scrollToIndex(at, { align: 'auto' });
	}, [chosen, rowOf, rows]);

	const walk = (event: KeyboardEvent) => {
		const last = count - 1;
		const jump = Math.max(1, Math.floor((box.current?.clientHeight ?? 500) / ROW) - 1);
		const moves: Record<string, number> = {
			ArrowDown: Math.min(last, position + 1),
			ArrowUp: Math.max(0, position - 1),
			PageDown: Math.min(last, position + jump),
			PageUp: Math.max(0, position - jump),
			Home: 0,
			End: last,
		};
		const to = moves[event.key];
		if (to !== undefined) {
			event.preventDefault();
			setActive(idOf(to));
			rows.scrollToIndex(to);
		} else if ((event.key === 'Enter' || event.key === ' ') && active !== undefined && position >= 0) {
			event.preventDefault();
			onOpen(active);
		}
	};

	const list = (
		<div
			ref={box}
			className={css.box}
			role="listbox"
			tabIndex={0}
			aria-label={t('fleet.list')}
			// Only of what is drawn: a row that was scrolled away is in no page.
			aria-activedescendant={
				active !== undefined && items.some((item) => item.index === position) ? `device-${active}` : undefined
			}
			onKeyDown={walk}
			onFocus={() => active === undefined && setActive(chosen ?? idOf(0))}
		>
			<div className={css.all} style={{ height: rows.getTotalSize() }} role="presentation">
				{items.map((item) => {
					const id = idOf(item.index);
					if (id === undefined) return null;
					return (
						<div
							key={item.key}
							id={`device-${id}`}
							role="option"
							aria-selected={id === chosen}
							aria-setsize={total}
							aria-posinset={item.index + 1}
							data-active={id === active}
							data-near={item === near}
							className={css.row}
							style={{ transform: `translateY(${item.start}px)` }}
							onMouseEnter={() => setPointed(id)}
							onClick={() => {
								setActive(id);
								onOpen(id);
							}}
						>
							{draw(item.index)}
						</div>
					);
				})}
			</div>
		</div>
	);
	const id = near === undefined ? undefined : idOf(near.index);
	return (
		<div className={css.frame} onMouseLeave={() => setPointed(undefined)}>
			{list}
			{near !== undefined && id !== undefined && (
				<div className={css.beside} style={{ transform: `translateY(${near.start - (rows.scrollOffset ?? 0)}px)` }}>
					{beside?.(id, near.index)}
				</div>
			)}
		</div>
	);
}

/** The way to a device's history, for the end of its row. */
export function HistoryLink({ id, title }: { id: string; title: string }) {
	const { t } = useTranslation();
	const label = t('inventory.history', { name: title });
	return (
		<Link to="/devices/$device/history" params={{ device: id }} className={css.go} aria-label={label} title={label}>
			<Icon name="history" />
		</Link>
	);
}

export interface RowFacts {
	title: string;
	plate: string | null;
	state: State;
	out: OutReason | null;
	/** Its clock is wrong: it is marked, as times and place may be. */
	clockAhead: boolean;
	/** Degrees. */
	heading: number;
	/** km/h. */
	speed: number;
	/** Null: it never had a fix. */
	place: { latitude: number; longitude: number } | null;
	/** Said where there is no place. */
	instead: string;
	/** Milliseconds since the epoch; 0: never. */
	seen: number;
}

export function Row({ title, plate, state, out, clockAhead, heading, speed, place, instead, seen }: RowFacts) {
	const { t } = useTranslation();
	const measures = useMeasures();
	return (
		<>
			<StateMark state={state} heading={heading} />
			<div className={css.main}>
				<div className={css.line}>
					<span className={css.title}>{title}</span>
					{plate !== null && plate !== title && <Chip tone="plate">{plate}</Chip>}
					{clockAhead && <Chip tone="warning">{t('fleet.clockAhead')}</Chip>}
				</div>
				<div className={css.sub}>
					{place === null ? instead : <PlaceText latitude={place.latitude} longitude={place.longitude} />}
				</div>
			</div>
			<div className={css.side}>
				<StateText state={state}>
					{state === 'moving' ? <span className={css.speed}>{measures.speed(speed)}</span> : t(`state.${out ?? state}`)}
				</StateText>
				<span className={css.age}>{seen > 0 && <Ago at={seen} />}</span>
			</div>
		</>
	);
}
