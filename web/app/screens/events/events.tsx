/**
 * What happened to the fleet, live by arrival. The address holds the filter. Each event leads to its device, its place on the
 * map and the history at that moment.
 */
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { nearOf } from '../../../shared/map_setting.ts';
import { eventsQuery, freshEventsQuery, type FleetEvent } from '../../api/events.ts';
import { settingsQuery } from '../../api/queries.ts';
import { useLocale } from '../../i18n/locale.ts';
import { useLive } from '../../live/context.tsx';
import { Button } from '../../ui/controls.tsx';
import { useMeasures } from '../../i18n/measures.ts';
import { dayOf } from '../../i18n/zone.ts';
import { FromServer } from '../../ui/from_server.tsx';
import { eventWords, sayNumber } from '../../ui/readings.ts';
import { Broken, Loading, Notice, Problem } from '../../ui/states.tsx';
import { Chip, PlaceText } from '../../ui/text.tsx';
import { At, fullTime, useSpan } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { EventFilters } from './filters.tsx';
import { rangeOf } from './range.ts';
import css from './events.module.css';

const route = getRouteApi('/events');

/** So long after it happened an event may arrive without a word about it; seconds. */
const LATE_S = 120;
/** A page is filled from so many answers; then one says whether to look further back. */
const MOST_BY_ITSELF = 6;
const ENOUGH = 30;

export function EventsScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const locale = useLocale();
	const queries = useQueryClient();
	const live = useLive();
	// The start of "the last hour" stays what it was while the page is open.
	const [opened] = useState(() => live.now());
	useTitle(t('events.title'));
	const filter = useMemo(
		() => ({
			severity: search.severity,
			kind: search.kind,
			group: search.group,
			device: search.device,
			...rangeOf(search, opened),
		}),
		[search, opened],
	);
	const past = useInfiniteQuery(eventsQuery(filter));
	const pages = past.data?.pages ?? [];
	const fresh = useQuery(freshEventsQuery(queries, filter, past.isPlaceholderData ? undefined : pages[0]?.asOf));
	const known = new Set((fresh.data?.items ?? []).map((e) => e.id));
	const old = pages.flatMap((p) => p.items).filter((e) => !known.has(e.id));
	const rows = [...(fresh.data?.items ?? []), ...old];
	const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = past;
	const further =
		hasNextPage && !isFetchingNextPage && !isError && old.length < ENOUGH && pages.length < MOST_BY_ITSELF;
	useEffect(() => {
		if (further) void fetchNextPage();
	}, [further, fetchNextPage, pages.length]);
	const looked = pages.at(-1)?.lookedBackTo;
	return (
		<div className={page.page}>
			<header>
				<h1 className={page.title}>{t('events.title')}</h1>
				<p className={page.soft}>{t('events.help')}</p>
			</header>
			<EventFilters kinds={rows.map((e) => e.kind)} />
			{fresh.isError && <Problem error={fresh.error} />}
			<section className={page.card} aria-label={t('events.title')} aria-busy={past.isPending}>
				{past.data === undefined || past.isPlaceholderData ? (
					isError ? (
						<Broken error={past.error} retry={() => void past.refetch()} />
					) : (
						<Loading lines={10} />
					)
				) : rows.length === 0 && !hasNextPage ? (
					<Notice icon="bell" title={t('events.emptyTitle')}>
						{t('events.emptyHelp')}
					</Notice>
				) : (
					<Events rows={rows} fresh={known} />
				)}
			</section>
			{hasNextPage && !past.isPlaceholderData && (
				<div className={css.further}>
					{looked !== undefined && (
						<span className={page.faint}>{t('events.looked', { time: fullTime(Date.parse(looked), locale) })}</span>
					)}
					<Button isDisabled={isFetchingNextPage} onPress={() => void fetchNextPage()}>
						{t(isFetchingNextPage ? 'events.looking' : 'events.further')}
					</Button>
				</div>
			)}
		</div>
	);
}

function Events({ rows, fresh }: { rows: readonly FleetEvent[]; fresh: ReadonlySet<string> }) {
	const near = nearOf(useQuery(settingsQuery).data?.map.kind ?? 'shipped');
	const { t } = useTranslation();
	return (
		<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
			<thead>
				<tr>
					<th scope="col">{t('events.when')}</th>
					<th scope="col">{t('events.what')}</th>
					<th scope="col">{t('events.device')}</th>
					<th scope="col">{t('events.where')}</th>
					<th scope="col">
						<span className="unseen">{t('events.ways')}</span>
					</th>
				</tr>
			</thead>
			<tbody>
				{rows.map((e) => (
					<Row key={e.id} event={e} fresh={fresh.has(e.id)} near={near} />
				))}
			</tbody>
		</table>
	);
}

const tones = { alarm: 'danger', warning: 'warning' } as const;

/** `near`: the zoom of "on the map". */
function Row({ event: e, fresh, near }: { event: FleetEvent; fresh: boolean; near: number }) {
	const measures = useMeasures();
	const { t } = useTranslation();
	const locale = useLocale();
	const span = useSpan();
	const late = (Date.parse(e.receivedAt) - Date.parse(e.at)) / 1000;
	const place = e.latitude === null || e.longitude === null ? null : { latitude: e.latitude, longitude: e.longitude };
	const severity = e.severity === 'alarm' || e.severity === 'warning' ? e.severity : null;
	const name = e.deviceName ?? e.imei;
	return (
		<tr className={css.row} data-severity={e.severity} data-fresh={fresh}>
			<td className={css.when}>
				<At at={e.at} seconds />
				{late > LATE_S && <span className={css.note}>{t('events.late', { span: span(late) })}</span>}
			</td>
			<td className={css.what}>
				<span className={css.kind}>
					<FromServer>{eventWords(e)}</FromServer>
				</span>
				{e.value !== null && e.unit !== null && e.unit !== '' && (
					<span className={page.soft}>
						{' '}
						{sayNumber(e.value, locale)} {e.unit}
					</span>
				)}
				{severity !== null && (
					<span className={css.severity}>
						<Chip tone={tones[severity]}>{t(`events.${severity}`)}</Chip>
					</span>
				)}
			</td>
			<td className={css.who}>
				<Link to="/" search={{ device: e.device }} className={`${css.device ?? ''} ${page.touch ?? ''}`}>
					{name}
				</Link>
			</td>
			<td className={css.where}>
				{place === null ? <span className={page.faint}>{t('state.nofix')}</span> : <PlaceText {...place} />}
				{e.speed !== null && e.speed > 0 && <span className={css.note}>{measures.speed(e.speed)}</span>}
			</td>
			<td className={css.ways}>
				{place !== null && (
					<Link
						to="/"
						search={{ device: e.device, at: `${place.latitude},${place.longitude},${near}` }}
						className={page.touch}
						aria-label={t('events.mapOf', { name })}
					>
						{t('events.map')}
					</Link>
				)}
				<Link
					to="/devices/$device/history"
					params={{ device: e.device }}
					search={{ from: dayOf(Date.parse(e.at)), at: e.at }}
					className={page.touch}
					aria-label={t('events.historyOf', { name })}
				>
					{t('history.open')}
				</Link>
			</td>
		</tr>
	);
}
