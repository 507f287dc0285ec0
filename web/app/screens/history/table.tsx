/** The same values as the charts, as rows by time: read aloud, walked through by keyboard, at the same cursor. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Series } from '../../api/history.ts';
import { indexAt } from './along.ts';
import { useCursor, type Cursor } from './cursor.ts';
import type { Words } from './words.ts';
import css from './table.module.css';

const ROW = 30;

function cell(series: Series, i: number | undefined, words: Words): string {
	if (i === undefined) return '';
	const [lo, hi] = [series.min[i] ?? 0, series.max[i] ?? 0];
	const label = lo === hi ? series.labels?.[String(lo)] : undefined;
	return label ?? (lo === hi ? words.number(hi) : `${words.number(lo)} – ${words.number(hi)}`);
}

export function ValueTable({ series, cursor, words }: { series: readonly Series[]; cursor: Cursor; words: Words }) {
	const { t } = useTranslation();
	const time = useCursor(cursor);
	const box = useRef<HTMLDivElement>(null);
	const { times, places } = useMemo(() => {
		const all = [...new Set(series.flatMap((s) => s.time))].sort((a, b) => a - b);
		return { times: all, places: series.map((s) => new Map(s.time.map((at, i) => [at, i]))) };
	}, [series]);
	const chosen = time === null ? -1 : indexAt(times, time / 1000);
	// eslint-disable-next-line react-hooks/incompatible-library -- the rows are meant to follow its every call
	const rows = useVirtualizer({
		count: times.length,
		getScrollElement: () => box.current,
		estimateSize: () => ROW,
		overscan: 6,
	});
	useEffect(() => {
		if (chosen >= 0) rows.scrollToIndex(chosen, { align: 'auto' });
	}, [chosen, rows]);
	const walk = (event: React.KeyboardEvent) => {
		const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
		const end = event.key === 'End' ? times.length - 1 : event.key === 'Home' ? 0 : undefined;
		if (by === undefined && end === undefined) return;
		event.preventDefault();
		const to = end ?? Math.max(0, Math.min(times.length - 1, chosen + (by ?? 0)));
		const at = times[to];
		cursor.pause();
		if (at !== undefined) cursor.set(at * 1000);
	};
	const columns = { gridTemplateColumns: `92px repeat(${series.length}, minmax(84px, 1fr))` };
	return (
		<div
			ref={box}
			className={css.box}
			role="table"
			aria-label={t('history.table')}
			aria-rowcount={times.length + 1}
			tabIndex={0}
			onKeyDown={walk}
		>
			<div role="rowgroup" className={css.headGroup}>
				<div role="row" aria-rowindex={1} className={css.head} style={columns}>
					<span role="columnheader">{t('history.time')}</span>
					{series.map((s) => (
						<span role="columnheader" key={s.of}>
							{words.value(s.name, s.of)}
							{s.unit !== null && s.unit !== '' && `, ${s.unit}`}
						</span>
					))}
				</div>
			</div>
			<div role="rowgroup" className={css.rows} style={{ height: rows.getTotalSize() }}>
				{rows.getVirtualItems().map((row) => {
					const at = times[row.index] ?? 0;
					return (
						<div
							role="row"
							key={row.key}
							aria-rowindex={row.index + 2}
							aria-current={row.index === chosen}
							className={css.row}
							style={{ ...columns, transform: `translateY(${row.start}px)` }}
							onClick={() => cursor.set(at * 1000)}
						>
							<span role="cell">{words.time(at * 1000)}</span>
							{series.map((s, n) => (
								<span role="cell" key={s.of}>
									{cell(s, places[n]?.get(at), words)}
								</span>
							))}
						</div>
					);
				})}
			</div>
		</div>
	);
}
