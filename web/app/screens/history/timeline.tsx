/** What it did, one after the other: trips, stops, gaps and events, with times and places. Choosing one moves the cursor there. */
import { useEffect, useMemo, useRef } from 'react';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { Icon } from '../../ui/icons.tsx';
import { PlaceText } from '../../ui/text.tsx';
import { useCursor, type Cursor } from './cursor.ts';
import type { Item } from './items.ts';
import type { Words } from './words.ts';
import css from './timeline.module.css';

export function Timeline({ items, cursor, words }: { items: readonly Item[]; cursor: Cursor; words: Words }) {
	const { t } = useTranslation();
	const time = useCursor(cursor);
	const list = useRef<HTMLUListElement>(null);
	const current = useMemo(() => {
		if (time === null) return null;
		const at = items.findLast((item) => item.kind !== 'event' && item.from <= time && time <= item.to);
		return at?.key ?? null;
	}, [items, time]);
	useEffect(() => {
		const row = list.current?.querySelector('[aria-current="true"]');
		row?.scrollIntoView({ block: 'nearest' });
	}, [current]);
	return (
		<ul ref={list} className={css.list} aria-label={t('history.along')}>
			{items.map((item) => (
				<li key={item.key} className={css.item} data-kind={item.kind}>
					<button
						type="button"
						className={css.row}
						aria-current={item.key === current}
						onClick={() => cursor.set(item.from)}
					>
						<Sign item={item} />
						<span className={css.text}>
							<span className={css.line}>
								<span className={css.what}>
									<What item={item} />
								</span>
								<span className={css.when}>{whenOf(item, words, t)}</span>
							</span>
							<Facts item={item} words={words} />
						</span>
					</button>
				</li>
			))}
		</ul>
	);
}

function Sign({ item }: { item: Item }) {
	if (item.kind === 'stop') return <span className={css.number}>{item.number}</span>;
	return (
		<span className={css.sign} data-severity={item.kind === 'event' ? item.is.severity : undefined}>
			{item.kind === 'trip' && <Icon name="right" size={14} />}
		</span>
	);
}

function What({ item }: { item: Item }) {
	const { t } = useTranslation();
	if (item.kind === 'event') {
		const { label, kind, value, unit } = item.is;
		const more = value !== null && unit !== null && unit !== '' ? ` ${value} ${unit}` : '';
		const words = label ?? kind.replaceAll('_', ' ');
		return `${words.charAt(0).toLocaleUpperCase()}${words.slice(1)}${more}`;
	}
	if (item.kind === 'stop' && item.is.place !== null) return <PlaceText {...item.is.place} />;
	return t(`history.${item.kind}`);
}

function whenOf(item: Item, words: Words, t: TFunction): string {
	if (item.kind === 'event') return words.time(item.from);
	if (item.kind !== 'gap' && item.is.beginsBefore && item.is.endsAfter) return t('history.whole');
	if (item.kind !== 'gap' && item.is.beginsBefore) return t('history.before', { to: words.time(item.to) });
	if (item.kind !== 'gap' && item.is.endsAfter) return t('history.since', { from: words.time(item.from) });
	return t('history.until', { from: words.time(item.from), to: words.time(item.to) });
}

function Facts({ item, words }: { item: Item; words: Words }) {
	const { t } = useTranslation();
	if (item.kind === 'event')
		return item.times === 1 ? null : <span className={css.facts}>{t('history.times', { count: item.times })}</span>;
	const time = words.lasting(item.is.durationS);
	if (item.kind === 'trip') {
		const { distanceM, maxSpeed, end } = item.is;
		return (
			<span className={css.facts}>
				{t('history.tripFacts', { distance: words.distance(distanceM), time, speed: words.speed(maxSpeed) })}
				{end !== null && (
					<>
						<br />
						<Icon name="right" size={11} /> <PlaceText {...end} />
					</>
				)}
			</span>
		);
	}
	if (item.kind === 'stop') {
		const { idleS } = item.is;
		return (
			<span className={css.facts}>
				{time}
				{idleS !== null && idleS >= 60 && <> · {t('history.stopIdle', { time: words.lasting(idleS) })}</>}
			</span>
		);
	}
	const { distanceM } = item.is;
	return (
		<span className={css.facts}>
			{distanceM === null || distanceM < 300
				? t('history.gapFactsAlone', { time })
				: t('history.gapFacts', { time, distance: words.distance(distanceM) })}
		</span>
	);
}
