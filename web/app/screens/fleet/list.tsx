/** The list of devices: only the rows in sight are in the page. Arrow keys walk, Enter opens. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive } from '../../live/context.tsx';
import { latitudeOf, longitudeOf } from '../../map/mercator.ts';
import { Chip, outOf, PlaceText, StateText } from '../../ui/text.tsx';
import { StateMark } from '../../ui/state_mark.tsx';
import { Ago } from '../../ui/time.tsx';
import css from './list.module.css';

const ROW = 54;

export function DeviceList({
	numbers,
	chosen,
	onOpen,
}: {
	numbers: Uint32Array;
	chosen: number | undefined;
	onOpen: (number: number) => void;
}) {
	const { t } = useTranslation();
	const live = useLive();
	const box = useRef<HTMLDivElement>(null);
	const [active, setActive] = useState<number | undefined>(chosen);
	// eslint-disable-next-line react-hooks/incompatible-library -- the rows are meant to follow its every call
	const rows = useVirtualizer({
		count: numbers.length,
		getScrollElement: () => box.current,
		estimateSize: () => ROW,
		overscan: 6,
		getItemKey: (i) => live.fleet.ids[numbers[i] ?? 0] ?? i,
	});
	const position = active === undefined ? -1 : numbers.indexOf(active);

	// Chosen on the map: into sight in the list, once.
	const scrolledTo = useRef<number | undefined>(undefined);
	useEffect(() => {
		if (chosen === undefined || scrolledTo.current === chosen) return;
		scrolledTo.current = chosen;
		const at = numbers.indexOf(chosen);
		if (at >= 0) rows.scrollToIndex(at, { align: 'auto' });
	}, [chosen, numbers, rows]);

	const walk = (event: KeyboardEvent) => {
		const last = numbers.length - 1;
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
			setActive(numbers[to]);
			rows.scrollToIndex(to);
		} else if ((event.key === 'Enter' || event.key === ' ') && active !== undefined && position >= 0) {
			event.preventDefault();
			onOpen(active);
		}
	};

	return (
		<div
			ref={box}
			className={css.box}
			role="listbox"
			tabIndex={0}
			aria-label={t('fleet.list')}
			aria-activedescendant={position >= 0 ? `device-${active ?? ''}` : undefined}
			onKeyDown={walk}
			onFocus={() => active === undefined && setActive(chosen ?? numbers[0])}
		>
			<div className={css.all} style={{ height: rows.getTotalSize() }} role="presentation">
				{rows.getVirtualItems().map((row) => {
					const number = numbers[row.index];
					if (number === undefined) return null;
					return (
						<div
							key={row.key}
							id={`device-${number}`}
							role="option"
							aria-selected={number === chosen}
							aria-setsize={numbers.length}
							aria-posinset={row.index + 1}
							data-active={number === active}
							className={css.row}
							style={{ transform: `translateY(${row.start}px)` }}
							onClick={() => {
								setActive(number);
								onOpen(number);
							}}
						>
							<Row number={number} />
						</div>
					);
				})}
			</div>
		</div>
	);
}

/** Reads the columns when it is drawn: the list is drawn anew with each change of the fleet. */
function Row({ number }: { number: number }) {
	const { t } = useTranslation();
	const { fleet, names } = useLive();
	const who = names.get(number);
	const state = fleet.state(number);
	if (state === null) return null;
	const x = fleet.x[number] ?? NaN;
	const out = state === 'out' ? outOf(fleet.flags[number] ?? 0) : undefined;
	const seen = fleet.lastSeen[number] ?? 0;
	const title = names.title(number) ?? '…';
	return (
		<>
			<StateMark state={state} heading={((fleet.heading[number] ?? 0) * 360) / 256} />
			<div className={css.main}>
				<div className={css.line}>
					<span className={css.title}>{title}</span>
					{who?.plate !== null && who?.plate !== undefined && who.plate !== title && (
						<Chip tone="plate">{who.plate}</Chip>
					)}
				</div>
				<div className={css.sub}>
					{Number.isNaN(x) ? (
						(who?.model ?? who?.imei)
					) : (
						<PlaceText latitude={latitudeOf(fleet.y[number] ?? 0)} longitude={longitudeOf(x)} />
					)}
				</div>
			</div>
			<div className={css.side}>
				<StateText state={state}>
					{state === 'moving' ? (
						<span className={css.speed}>{t('fleet.speed', { speed: fleet.speed[number] ?? 0 })}</span>
					) : (
						t(`state.${out ?? state}`)
					)}
				</StateText>
				<span className={css.age}>{seen > 0 && <Ago at={seen * 1000} />}</span>
			</div>
		</>
	);
}
