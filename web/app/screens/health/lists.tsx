/** The devices of one kind of ill, and the way from each to what helps. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { SilentDevice, SilentKind } from '../../api/health.ts';
import { groupsQuery, refusedQuery } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import { useAtLeast } from '../../shell/shell.tsx';
import { buttonClass } from '../../ui/controls.tsx';
import { Broken, Loading, Notice } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { Ago, At, useSpan } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';
import css from './health.module.css';

/** What stands between the device and what to do. */
const columns = {
	silent: ['silentFor', 'rhythm', 'beyond'],
	never: ['registered'],
	nofix: ['lastFix'],
	clock: ['lastRecord'],
	quarantined: ['frames', 'oldest'],
	commands: ['waiting', 'oldest'],
} as const satisfies Record<SilentKind, readonly string[]>;

type Column = (typeof columns)[SilentKind][number];

export function IllTable({ kind, items }: { kind: SilentKind; items: readonly SilentDevice[] }) {
	const { t } = useTranslation();
	const groups = useQuery(groupsQuery).data;
	return (
		<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
			<thead>
				<tr>
					<th scope="col">{t('health.device')}</th>
					{columns[kind].map((c) => (
						<th key={c} scope="col">
							{t(`health.${c}`)}
						</th>
					))}
					<th scope="col">
						<span className="unseen">{t('health.do')}</span>
					</th>
				</tr>
			</thead>
			<tbody>
				{items.map((d) => (
					<tr key={d.device}>
						<td>
							<Link to="/" search={{ device: d.device }} className={`${css.device ?? ''} ${page.touch ?? ''}`}>
								{titleOf(d)}
							</Link>
							<span className={css.whose}>
								{[d.name === null ? null : d.plate, d.model, groups?.find((g) => g.id === d.group)?.name]
									.filter((s) => s !== null && s !== undefined && s !== '')
									.join(' · ')}
							</span>
						</td>
						{columns[kind].map((c) => (
							<td key={c} data-column={c} className={css.cell}>
								<Cell column={c} device={d} />
							</td>
						))}
						<td className={css.do}>
							<Ways kind={kind} device={d} />
						</td>
					</tr>
				))}
			</tbody>
		</table>
	);
}

function Cell({ column, device: d }: { column: Column; device: SilentDevice }) {
	const { t } = useTranslation();
	const span = useSpan();
	const since = d.since === null ? null : Date.parse(d.since);
	if (column === 'silentFor')
		return (
			<>
				<strong className={css.long}>{d.forS === null ? t('unknown') : span(d.forS)}</strong>
				{since !== null && (
					<span className={css.note}>
						<At at={since} />
					</span>
				)}
			</>
		);
	if (column === 'rhythm') return <Rhythm device={d} />;
	if (column === 'beyond') return <Beyond device={d} />;
	if (column === 'frames') return t('health.frameCount', { count: d.count ?? 0 });
	if (column === 'waiting') return t('health.commandCount', { count: d.count ?? 0 });
	if (column === 'lastFix' && since === null) return t('device.noFix');
	return since === null ? t('unknown') : <Ago at={since} sentence />;
}

function Rhythm({ device: d }: { device: SilentDevice }) {
	const { t } = useTranslation();
	const span = useSpan();
	if (d.usualGapS === null) return <span className={page.faint}>{t('health.noRhythm')}</span>;
	return t(d.moving === true ? 'health.everyMoving' : 'health.everyStanding', { span: span(d.usualGapS) });
}

/** By how much it has overdrawn what its rhythm allows. */
function Beyond({ device: d }: { device: SilentDevice }) {
	const { t } = useTranslation();
	const span = useSpan();
	if (d.patienceS === null || d.times === null) return null;
	const times = d.times < 10 ? Math.round(d.times * 10) / 10 : Math.round(d.times);
	return (
		<>
			<Chip tone={d.times >= 10 ? 'danger' : d.times >= 2 ? 'warning' : 'plain'}>
				{t('health.times', { n: times })}
			</Chip>
			<span className={css.note}>{t('health.allowed', { span: span(d.patienceS) })}</span>
		</>
	);
}

function Ways({ kind, device: d }: { kind: SilentKind; device: SilentDevice }) {
	const { t } = useTranslation();
	const mayDiagnose = useAtLeast('installer');
	return (
		<span className={css.ways}>
			{kind === 'commands' && (
				<Link to="/commands" search={{ device: d.device }} className={buttonClass()}>
					{t('health.ledger')}
				</Link>
			)}
			{kind === 'quarantined' && mayDiagnose && (
				<Link to="/quarantine" search={{ imei: d.imei }} className={buttonClass()}>
					{t('health.lookFrames')}
				</Link>
			)}
			{mayDiagnose && (
				<Link to="/devices/$device/why" params={{ device: d.device }} className={buttonClass()}>
					{t(kind === 'silent' || kind === 'never' ? 'device.why' : 'device.whyNot')}
				</Link>
			)}
		</span>
	);
}

/** The newest of those that were turned away; the rest is in the tab. */
export function RefusedTable() {
	const { t } = useTranslation();
	const refused = useInfiniteQuery(refusedQuery);
	const rows = (refused.data?.pages[0]?.items ?? []).filter((r) => r.device === null || !r.enabled);
	if (refused.data === undefined)
		return refused.isError ? (
			<Broken error={refused.error} retry={() => void refused.refetch()} />
		) : (
			<Loading lines={6} />
		);
	if (rows.length === 0) return <Notice icon="check" title={t('refused.emptyTitle')} />;
	return (
		<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
			<thead>
				<tr>
					<th scope="col">{t('device.imei')}</th>
					<th scope="col">{t('refused.why')}</th>
					<th scope="col">{t('refused.last')}</th>
					<th scope="col">
						<span className="unseen">{t('health.do')}</span>
					</th>
				</tr>
			</thead>
			<tbody>
				{rows.map((r) => (
					<tr key={r.imei}>
						<td className={page.mono}>{r.imei}</td>
						<td data-wide className={css.cell} data-column="why">
							{t(r.reason === 'disabled' ? 'refused.disabled' : 'refused.unknown')}
						</td>
						<td className={css.cell}>
							<Ago at={Date.parse(r.lastSeenAt)} sentence />
						</td>
						<td className={css.do}>
							{r.device === null ? (
								<Link to="/refused" search={{ add: r.imei }} className={buttonClass('primary')}>
									{t('refused.add')}
								</Link>
							) : (
								<Link to="/refused" className={buttonClass()}>
									{t('refused.enable')}
								</Link>
							)}
						</td>
					</tr>
				))}
			</tbody>
		</table>
	);
}
