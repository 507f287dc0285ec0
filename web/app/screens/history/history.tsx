/**
 * A device's history: a day or a week as a track on the map, a list of trips and stops, charts, and a table. One cursor is at
 * the same moment in all of them. The address holds the time and the values shown.
 */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { alongQuery, historyQuery, trackQuery, type History } from '../../api/history.ts';
import { deviceQuery, type Device, type DeviceEvent } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import type { Mark } from '../../map/history_map.ts';
import { codeOf } from '../../shell/code.ts';
import { Icon } from '../../ui/icons.tsx';
import { Broken, Loading, Notice } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { fullTime } from '../../ui/time.tsx';
import { useLocale } from '../../i18n/locale.ts';
import { ownNow, useOwn } from '../../i18n/own.ts';
import { dayOf } from '../../i18n/zone.ts';
import page from '../../ui/page.module.css';
import { Cursor } from './cursor.ts';
import { DayPicker } from './day_picker.tsx';
import { shownOf, type Shown } from './days.ts';
import { ExportMenu } from './export_menu.tsx';
import { Replay } from './replay.tsx';
import { Summary } from './summary.tsx';
import { itemsOf, type Item } from './items.ts';
import { Timeline } from './timeline.tsx';
import type { View } from './track_map.tsx';
import { Values } from './values.tsx';
import { useWords } from './words.ts';
import css from './history.module.css';

const TrackMap = lazy(() => codeOf(import('./track_map.tsx')).then((m) => ({ default: m.TrackMap })));
const route = getRouteApi('/devices/$device/history');

/** Its days are those of the user's zone. */
export function HistoryScreen() {
	return <History key={useOwn().timeZone ?? ''} />;
}

function History() {
	const { device } = route.useParams();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const row = useQuery(deviceQuery(device));
	// The end of "today" stays what it was while the page is open: else all would be asked for anew each second.
	const [opened] = useState(() => Date.now());
	const shown = useMemo(() => shownOf(search.from, search.to, opened), [search.from, search.to, opened]);
	if (row.data === undefined)
		return row.isError ? <Broken error={row.error} retry={() => void row.refetch()} /> : <Loading lines={12} />;
	const show = (from: string, to?: string) =>
		void navigate({
			search: {
				from,
				...(to === undefined ? {} : { to }),
				...(search.values === undefined ? {} : { values: search.values }),
			},
		});
	return (
		<div className={css.screen}>
			<Head device={row.data} shown={shown} onShow={show} />
			<Body
				key={`${device} ${shown.from} ${shown.to} ${search.at ?? ''}`}
				at={search.at === undefined ? null : Date.parse(search.at)}
				device={row.data.id}
				shown={shown}
				onShow={show}
				values={search.values}
				onValues={(values) => void navigate({ replace: true, search: (before) => ({ ...before, values }) })}
			/>
		</div>
	);
}

type Show = (from: string, to?: string) => void;

function Head({ device, shown, onShow }: { device: Device; shown: Shown; onShow: Show }) {
	const { t } = useTranslation();
	return (
		<header className={css.head}>
			<Link to="/" search={{ device: device.id }} className={css.back} aria-label={t('back')}>
				<Icon name="back" />
			</Link>
			<h1 className={css.title}>{titleOf(device)}</h1>
			{device.plate !== null && device.plate !== titleOf(device) && <Chip tone="plate">{device.plate}</Chip>}
			<span className={css.grow} />
			<DayPicker device={device.id} shown={shown} onShow={onShow} />
			<ExportMenu device={device.id} range={shown} />
		</header>
	);
}

interface BodyProps {
	device: string;
	shown: Shown;
	/** Where the cursor is at first; null, or no time: nowhere. */
	at: number | null;
	onShow: Show;
	values: string | undefined;
	onValues: (values: string) => void;
}

function Body(props: BodyProps) {
	const { device, shown } = props;
	const history = useQuery(historyQuery(device, shown));
	if (history.data === undefined)
		return history.isError ? (
			<Broken error={history.error} retry={() => void history.refetch()} />
		) : (
			<Loading lines={12} />
		);
	return history.data.records === 0 ? (
		<Empty history={history.data} shown={shown} onShow={props.onShow} />
	) : (
		<Full {...props} history={history.data} />
	);
}

function Empty({ history, shown, onShow }: { history: History; shown: Shown; onShow: Show }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const { before, after } = history;
	const day = (at: string) =>
		new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: ownNow().timeZone }).format(Date.parse(at));
	return (
		<Notice
			icon="question"
			title={shown.days === 1 ? t('history.emptyTitle') : t('history.emptyTitleRange')}
			action={
				<span className={css.ways}>
					{[before, after].map(
						(at) =>
							at !== null && (
								<button key={at} type="button" className={page.action} onClick={() => onShow(dayOf(Date.parse(at)))}>
									{t('history.goThere', { day: day(at) })}
								</button>
							),
					)}
				</span>
			}
		>
			{before !== null && <p>{t('history.emptyBefore', { time: fullTime(Date.parse(before), locale) })}</p>}
			{after !== null && <p>{t('history.emptyAfter', { time: fullTime(Date.parse(after), locale) })}</p>}
			{before === null && after === null && <p>{t('history.emptyNever')}</p>}
		</Notice>
	);
}

const NO_EVENTS: readonly DeviceEvent[] = [];

function marksOf(items: readonly Item[]): Mark[] {
	return items.flatMap((item): Mark[] => {
		if (item.kind === 'stop' && item.is.place !== null)
			return [{ key: item.key, ...item.is.place, kind: 'stop', text: String(item.number) }];
		if (item.kind !== 'event' || item.is.latitude === null || item.is.longitude === null) return [];
		const { latitude, longitude, severity, label, kind } = item.is;
		const known = severity === 'alarm' || severity === 'warning' ? severity : 'info';
		return [{ key: item.key, latitude, longitude, kind: known, text: label ?? kind }];
	});
}

type Side = 'list' | 'chart' | 'table';

function Full({ device, shown, at, history, values, onValues }: BodyProps & { history: History }) {
	const { t } = useTranslation();
	const [cursor] = useState(() => {
		const made = new Cursor();
		if (at !== null && at >= shown.from && at < shown.to) made.set(at);
		return made;
	});
	const [view, setView] = useState<View | null>(null);
	const [side, setSide] = useState<Side>('list');
	const words = useWords(shown.to - shown.from < 26 * 3_600_000);
	const whole = useQuery(trackQuery(device, shown, null));
	const fine = useQuery({ ...trackQuery(device, shown, view), enabled: view !== null });
	const events = useQuery(alongQuery(device, shown)).data ?? NO_EVENTS;
	const items = useMemo(() => itemsOf(history, events), [history, events]);
	const marks = useMemo(() => marksOf(items), [items]);
	const range = useMemo(
		() => ({
			from: history.firstAt === null ? shown.from : Date.parse(history.firstAt),
			to: history.lastAt === null ? shown.to : Date.parse(history.lastAt),
		}),
		[history, shown],
	);
	const skips = useMemo(() => items.filter((i) => i.kind === 'stop' || i.kind === 'gap'), [items]);
	useEffect(() => () => cursor.pause(), [cursor]);
	const track = (view === null ? undefined : fine.data) ?? whole.data;
	return (
		<div className={css.body} data-side={side}>
			<section className={css.list} aria-label={t('history.along')}>
				<Summary history={history} words={words} />
				<Timeline items={items} cursor={cursor} words={words} />
			</section>
			<section className={css.map} aria-label={t('fleet.map')}>
				{track === undefined || whole.data === undefined ? (
					whole.isError ? (
						<Broken error={whole.error} retry={() => void whole.refetch()} />
					) : (
						<Loading />
					)
				) : track.count === 0 ? (
					<Notice icon="map" title={t('device.noFix')}>
						{t('history.noPlace')}
					</Notice>
				) : (
					<Suspense fallback={<Loading />}>
						<TrackMap
							whole={whole.data}
							track={track}
							marks={marks}
							cursor={cursor}
							onView={setView}
							onPick={(key) => {
								const item = items.find((i) => i.key === key);
								if (item !== undefined) cursor.set(item.from);
							}}
						/>
					</Suspense>
				)}
			</section>
			<div className={css.replay}>
				<Replay cursor={cursor} range={range} skips={skips} />
			</div>
			<div className={css.tabs} role="group" aria-label={t('history.title')}>
				{(['list', 'chart', 'table'] as const).map((name) => (
					<button
						key={name}
						type="button"
						className={page.tab}
						data-name={name}
						aria-pressed={side === name}
						onClick={() => setSide(name)}
					>
						{t(`history.${name}`)}
					</button>
				))}
			</div>
			<Values
				device={device}
				shown={shown}
				cursor={cursor}
				words={words}
				values={values}
				onValues={onValues}
				table={side === 'table'}
				onTable={(on) => setSide(on ? 'table' : 'chart')}
			/>
		</div>
	);
}
