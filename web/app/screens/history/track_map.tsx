/** The map of the history for React: track, marks and cursor; asks for a finer track where one zooms in. */
import { useEffect, useMemo, useRef, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { converted, useMeasures } from '../../i18n/measures.ts';
import { useOwn } from '../../i18n/own.ts';
import { settingsQuery } from '../../api/queries.ts';
import { SPEED_CLASSES, type Track } from '../../../shared/track.ts';
import { canDrawMaps } from '../../map/new_map.ts';
import { HistoryMap, type Mark } from '../../map/history_map.ts';
import { IconButton } from '../../ui/controls.tsx';
import { Notice } from '../../ui/states.tsx';
import { extentOf, linesOf, nearest, whereAt } from './along.ts';
import type { Cursor } from './cursor.ts';
import css from './track_map.module.css';

/** How near to the track the pointer must be, in pixels. */
const REACH = 18;

export interface View {
	box: string;
	zoom: number;
}

export interface TrackMapProps {
	/** Of the whole time: it decides what the map shows first. */
	whole: Track;
	/** What is drawn: the whole one, or a finer one of what is in view. */
	track: Track;
	marks: readonly Mark[];
	cursor: Cursor;
	onPick: (key: string) => void;
	/** The whole track is too coarse for this; null: it isn't. */
	onView: (view: View | null) => void;
}

export function TrackMap(props: TrackMapProps) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const box = useRef<HTMLDivElement>(null);
	const [map, setMap] = useState<HistoryMap | null>(null);
	const [able] = useState(canDrawMaps);
	const latest = useRef(props);
	useEffect(() => {
		latest.current = props;
	});
	const label = t('history.map');

	useEffect(() => {
		if (box.current === null || !able) return;
		const setting = queries.query(settingsQuery).then((settings) => settings.map);
		const made = new HistoryMap(box.current, label, setting, {
			point(at, clicked) {
				const { track, cursor } = latest.current;
				if (at === null || (cursor.playing() && !clicked)) return;
				const time = nearest(track, made.project, at.x, at.y, REACH);
				if (time === null) return;
				cursor.pause();
				cursor.set(time);
			},
			pick: (key) => latest.current.onPick(key),
			moved(bounds, zoom) {
				const { whole, onView } = latest.current;
				if (zoom <= whole.zoom + 0.5) return onView(null);
				const ends = [bounds.west, bounds.south, bounds.east, bounds.north];
				onView({ box: ends.map((n) => n.toFixed(4)).join(','), zoom: Math.min(20, Math.ceil(zoom)) });
			},
		});
		setMap(made);
		return () => {
			setMap(null);
			made.remove();
		};
	}, [able, label, queries]);

	const { whole, track, marks, cursor } = props;
	const lines = useMemo(() => linesOf(track), [track]);
	useEffect(() => map?.show({ type: 'FeatureCollection', features: lines }), [map, lines]);
	useEffect(() => map?.mark(marks), [map, marks]);
	// Once for each time that is looked at; later points of a day that runs don't move the map.
	const fitted = useRef<number | null>(null);
	useEffect(() => {
		const extent = extentOf(whole);
		if (map === null || extent === null || fitted.current === whole.until) return;
		map.fit(extent, fitted.current !== null);
		fitted.current = whole.until;
	}, [map, whole]);
	useEffect(() => {
		if (map === null) return;
		const follow = () => {
			const time = cursor.time();
			map.here(time === null ? null : whereAt(latest.current.track, time), cursor.playing());
		};
		follow();
		return cursor.subscribe(follow);
	}, [map, cursor, track]);

	if (!able)
		return (
			<Notice icon="map" title={t('broken.noWebgl')}>
				{t('broken.noWebglHelp')}
			</Notice>
		);
	return (
		<>
			<div ref={box} className={css.map} />
			<div className={css.controls}>
				<IconButton icon="plus" label={t('history.zoomIn')} onPress={() => map?.zoomBy(1)} />
				<IconButton icon="minus" label={t('history.zoomOut')} onPress={() => map?.zoomBy(-1)} />
				<IconButton
					icon="fit"
					label={t('history.fit')}
					onPress={() => {
						const extent = extentOf(whole);
						if (extent !== null) map?.fit(extent);
					}}
				/>
			</div>
			<SpeedLegend />
		</>
	);
}

function SpeedLegend() {
	const { t } = useTranslation();
	const { units } = useOwn();
	const measures = useMeasures();
	const legend = t('history.legend', { unit: measures.unit('speed') });
	const say = (kmh: number) => Math.round(converted('speed', kmh, units));
	return (
		<dl className={css.legend} aria-label={legend}>
			<dt>{legend}</dt>
			{SPEED_CLASSES.map((from, at) => {
				const next = SPEED_CLASSES[at + 1];
				return (
					<dd key={from} data-class={at}>
						{next === undefined ? `${say(from)}+` : from === 0 ? `< ${say(next)}` : say(from)}
					</dd>
				);
			})}
			<dd data-class="gap">{t('history.legendGap')}</dd>
		</dl>
	);
}
