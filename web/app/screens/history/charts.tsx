/** Values by time: one uPlot a value, all with one time axis and the one cursor; of each part of time the least and the greatest. */
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Range, Series } from '../../api/history.ts';
import { useLocale } from '../../i18n/locale.ts';
import { ownNow } from '../../i18n/own.ts';
import { watchTheme } from '../../map/palette.ts';
import { indexAt } from './along.ts';
import type { Cursor } from './cursor.ts';
import type { Words } from './words.ts';
import css from './charts.module.css';

const HEIGHT = 132;
/** Longer without a value than so many parts of time, and the line is broken. */
const BREAK_PARTS = 8;

/** As uPlot takes it: times, least, greatest; null where the line is broken. */
export function dataOf(series: Series, stepS: number): [number[], (number | null)[], (number | null)[]] {
	const time: number[] = [];
	const min: (number | null)[] = [];
	const max: (number | null)[] = [];
	series.time.forEach((at, i) => {
		const before = series.time[i - 1];
		if (before !== undefined && at - before > Math.max(600, BREAK_PARTS * stepS)) {
			time.push(before + stepS);
			min.push(null);
			max.push(null);
		}
		time.push(at);
		min.push(series.min[i] ?? null);
		max.push(series.max[i] ?? null);
	});
	return [time, min, max];
}

function colourOf(token: string, element: HTMLElement): string {
	const probe = document.createElement('span');
	probe.style.color = `var(${token})`;
	element.append(probe);
	const colour = getComputedStyle(probe).color;
	probe.remove();
	return colour;
}

interface Given {
	series: Series;
	stepS: number;
	range: Range;
	cursor: Cursor;
	words: Words;
	locale: string;
}

function make(box: HTMLElement, { series, stepS, range, cursor, locale }: Given): uPlot {
	const line = colourOf('--accent', box);
	const ink = colourOf('--ink-2', box);
	const grid = colourOf('--line', box);
	const oneDay = range.to - range.from < 26 * 3_600_000;
	const { timeZone } = ownNow();
	const tick = new Intl.DateTimeFormat(locale, {
		...(oneDay ? { hour: '2-digit', minute: '2-digit' } : { weekday: 'short', day: 'numeric', hour: '2-digit' }),
		timeZone,
	});
	const font = '11px "IBM Plex Sans Variable", sans-serif';
	const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
	const plot = new uPlot(
		{
			width: Math.max(200, box.clientWidth),
			height: HEIGHT,
			padding: [8, 22, 0, 0],
			legend: { show: false },
			...(timeZone === undefined ? {} : { tzDate: (s: number) => uPlot.tzDate(new Date(s * 1000), timeZone) }),
			cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
			scales: {
				x: { time: true, range: [range.from / 1000, range.to / 1000] },
				y: { range: (_, lo, hi) => (lo === hi ? [lo - 1, hi + 1] : uPlot.rangeNum(lo, hi, 0.08, true)) },
			},
			axes: [
				{ ...axis, size: 24, space: oneDay ? 60 : 90, values: (_, at) => at.map((s) => tick.format(s * 1000)) },
				{ ...axis, size: 52, space: 28, values: (_, at) => at.map((v) => new Intl.NumberFormat(locale).format(v)) },
			],
			series: [
				{},
				{ stroke: line, width: 1, points: { show: false } },
				{ stroke: line, width: 1.5, points: { show: series.time.length < 40, size: 4, fill: line } },
			],
			bands: [{ series: [2, 1], fill: line.replace('rgb(', 'rgba(').replace(')', ', 0.22)') }],
			hooks: {
				ready: [
					(u) => {
						const take = (event: MouseEvent) => {
							const at = u.posToVal(event.clientX - u.over.getBoundingClientRect().left, 'x') * 1000;
							cursor.pause();
							cursor.set(Math.max(range.from, Math.min(range.to, at)));
						};
						u.over.addEventListener('pointermove', take);
						u.over.addEventListener('pointerdown', take);
					},
				],
			},
		},
		dataOf(series, stepS),
		box,
	);
	return plot;
}

/** The value at a moment, in words. */
export function valueAt(series: Series, stepS: number, ms: number | null, words: Words): string | null {
	if (ms === null) return null;
	const i = indexAt(series.time, ms / 1000);
	const at = series.time[i];
	if (at === undefined || ms / 1000 - at > Math.max(600, BREAK_PARTS * stepS)) return null;
	const [lo, hi] = [series.min[i] ?? 0, series.max[i] ?? 0];
	const label = lo === hi ? series.labels?.[String(lo)] : undefined;
	if (label !== undefined) return label;
	const unit = series.unit === null || series.unit === '' ? '' : ` ${series.unit}`;
	return `${lo === hi ? words.number(hi) : `${words.number(lo)} – ${words.number(hi)}`}${unit}`;
}

export function Chart(given: Omit<Given, 'locale'>) {
	const { series, stepS, range, cursor, words } = given;
	const { t } = useTranslation();
	const locale = useLocale();
	const box = useRef<HTMLDivElement>(null);
	const said = useRef<HTMLSpanElement>(null);
	useEffect(() => {
		const element = box.current;
		if (element === null || series.time.length === 0) return;
		let plot = make(element, { series, stepS, range, cursor, words, locale });
		const follow = () => {
			const time = cursor.time();
			const left = time === null ? -10 : plot.valToPos(time / 1000, 'x');
			plot.setCursor({ left, top: time === null ? -10 : 1 }, false);
			if (said.current !== null) said.current.textContent = valueAt(series, stepS, time, words) ?? '';
		};
		follow();
		const stop = cursor.subscribe(follow);
		const sizes = new ResizeObserver(() => plot.setSize({ width: Math.max(200, element.clientWidth), height: HEIGHT }));
		sizes.observe(element);
		const stopTheme = watchTheme(() => {
			plot.destroy();
			plot = make(element, { series, stepS, range, cursor, words, locale });
			follow();
		});
		return () => {
			stop();
			stopTheme();
			sizes.disconnect();
			plot.destroy();
		};
	}, [series, stepS, range, cursor, words, locale]);
	const name = words.value(series.name, series.of);
	return (
		<figure className={css.chart}>
			<figcaption className={css.head}>
				<span className={css.name}>{name}</span>
				{series.unit !== null && <span className={css.unit}>{series.unit}</span>}
				<span ref={said} className={css.said} />
			</figcaption>
			{series.time.length === 0 ? (
				<p className={css.none}>{t('history.noValues')}</p>
			) : (
				<div ref={box} className={css.plot} role="img" aria-label={t('history.chartOf', { name })} />
			)}
		</figure>
	);
}
