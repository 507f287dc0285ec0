/** Gateways of this database: does each live, does it store, how fast; those that are away are said plainly. */
import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import { gatewaysQuery, type Gateway, type GatewayReport } from '../../api/health.ts';
import { useLocale } from '../../i18n/locale.ts';
import { useAtRoot, useMe } from '../../shell/shell.tsx';
import { FromServer } from '../../ui/from_server.tsx';
import { Alert, Broken, Forbidden, Loading, Notice, Problem } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { Ago, At, useSpan } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import { HealthTabs } from '../health/tabs.tsx';
import page from '../../ui/page.module.css';
import css from './gateways.module.css';

/** A clock that is off by more than this makes times wrong that people compare; seconds. */
const CLOCK_OFF_S = 2;

export function GatewaysScreen() {
	const { t } = useTranslation();
	const me = useMe();
	const may = useAtRoot('installer');
	const gateways = useQuery({ ...gatewaysQuery, enabled: may });
	useTitle(t('gateways.title'));
	if (me === undefined) return <Loading lines={8} />;
	if (!may) return <Forbidden />;
	return (
		<div className={page.page}>
			<header>
				<h1 className={page.title}>{t('gateways.title')}</h1>
				<p className={page.soft}>{t('gateways.help')}</p>
			</header>
			<HealthTabs />
			{gateways.isError && gateways.data !== undefined && <Problem error={gateways.error} />}
			{gateways.data === undefined ? (
				<section className={page.card}>
					{gateways.isError ? (
						<Broken error={gateways.error} retry={() => void gateways.refetch()} />
					) : (
						<Loading lines={8} />
					)}
				</section>
			) : gateways.data.length === 0 ? (
				<section className={page.card}>
					<Notice icon="gateway" title={t('gateways.emptyTitle')}>
						{t('gateways.emptyHelp')}
					</Notice>
				</section>
			) : (
				gateways.data.map((g) => <OneGateway key={g.id} gateway={g} />)
			)}
		</div>
	);
}

function OneGateway({ gateway: g }: { gateway: Gateway }) {
	const { t } = useTranslation();
	const title = useId();
	const { report: r } = g;
	return (
		<section className={page.card} aria-labelledby={title}>
			<header className={css.head}>
				<h2 id={title} className={css.name}>
					{g.id}
				</h2>
				<State gateway={g} />
				<span className={page.grow} />
				{r !== null && <span className={css.version}>{t('gateways.version', { version: r.version })}</span>}
			</header>
			<div className={css.body}>
				<Trouble gateway={g} />
				<Figures gateway={g} />
				{r !== null && <Workers report={r} />}
			</div>
		</section>
	);
}

function State({ gateway: g }: { gateway: Gateway }) {
	const { t } = useTranslation();
	if (!g.alive) return <Chip tone="danger">{t('gateways.away')}</Chip>;
	if (g.report === null) return <Chip tone="good">{t('gateways.alive')}</Chip>;
	if (g.report.stopping) return <Chip tone="warning">{t('gateways.stopping')}</Chip>;
	return g.report.ready ? (
		<Chip tone="good">{t('gateways.ready')}</Chip>
	) : (
		<Chip tone="danger">{t('gateways.notReady')}</Chip>
	);
}

/** What is wrong with it, and what to do, in sentences. */
function Trouble({ gateway: g }: { gateway: Gateway }) {
	const { t } = useTranslation();
	const span = useSpan();
	const { report: r } = g;
	const clock = r?.clockOffsetS ?? g.clockAheadS;
	const wrong: string[] = [];
	if (!g.alive && g.seenAt !== null) wrong.push(t('gateways.notHeard'));
	if (g.error !== null) wrong.push(t('gateways.says', { error: g.error }));
	if (r !== null && !r.ready && r.reason !== null) wrong.push(t('gateways.because', { reason: r.reason }));
	if (r !== null && !r.reload.ok && r.reload.finishedAt !== null)
		wrong.push(t('gateways.reloadFailed', { error: r.reload.error ?? '' }));
	if (clock !== null && Math.abs(clock) >= CLOCK_OFF_S)
		wrong.push(t(clock > 0 ? 'gateways.clockAhead' : 'gateways.clockBehind', { span: span(Math.abs(clock)) }));
	return (
		<>
			{wrong.map((text) => (
				<Alert key={text}>{text}</Alert>
			))}
			{!g.asked && <p className={page.soft}>{t('gateways.notAsked', { key: 'WEB_GATEWAYS' })}</p>}
		</>
	);
}

function Figures({ gateway: g }: { gateway: Gateway }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const { report: r } = g;
	// No clock is "-0 s" ahead.
	const number = (n: number, digits = 0) =>
		new Intl.NumberFormat(locale, { maximumFractionDigits: digits, signDisplay: 'negative' }).format(n);
	const clock = r?.clockOffsetS ?? g.clockAheadS;
	const figures: [string, React.ReactNode][] = [[t('gateways.online'), number(g.devicesOnline)]];
	if (r !== null)
		figures.push(
			[t('gateways.connections'), number(r.connections)],
			[t('gateways.records'), r.recordsPerS === null ? '…' : number(r.recordsPerS, r.recordsPerS < 10 ? 1 : 0)],
			[
				t('gateways.ack'),
				r.ackP99Ms === null
					? r.overS === null
						? '…'
						: '–'
					: t('gateways.ms', { n: number(r.ackP99Ms, r.ackP99Ms < 10 ? 1 : 0) }),
			],
			[t('gateways.queue'), number(r.recordsInFlight)],
			[
				t('gateways.database'),
				<span className={css.answer} data-bad={!r.databaseUp}>
					{t(r.databaseUp ? 'gateways.up' : 'gateways.down')}
				</span>,
			],
		);
	if (clock !== null) figures.push([t('gateways.clock'), t('gateways.seconds', { n: number(clock, 3) })]);
	if (r !== null) {
		figures.push([t('gateways.restarts'), number(r.restarts)]);
		figures.push([
			t('gateways.reload'),
			r.reload.finishedAt === null ? (
				t('gateways.noReload')
			) : (
				<>
					<At at={r.reload.finishedAt} /> ·{' '}
					{t('gateways.asked', { asked: r.reload.asked, answered: r.reload.answered })}
				</>
			),
		]);
		if (r.listen.length > 0)
			figures.push([t('gateways.listens'), <span className={page.mono}>{r.listen.join(', ')}</span>]);
	}
	const started = r?.startedAt ?? g.startedAt;
	if (started !== null) figures.push([t('gateways.started'), <Ago at={Date.parse(started)} sentence />]);
	if (g.seenAt !== null) figures.push([t('gateways.heard'), <Ago at={Date.parse(g.seenAt)} sentence />]);
	return (
		<dl className={css.figures}>
			{figures.map(([name, said]) => (
				<div key={name}>
					<dt>{name}</dt>
					<dd>{said}</dd>
				</div>
			))}
		</dl>
	);
}

function Workers({ report }: { report: GatewayReport }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const number = (n: number, digits = 0) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(n);
	return (
		<div className={page.scroll} role="region" aria-label={t('gateways.workers')} tabIndex={0}>
			<table className={`${page.table ?? ''} ${css.workers ?? ''}`}>
				<thead>
					<tr>
						<th scope="col">{t('gateways.worker')}</th>
						<th scope="col">{t('gateways.state')}</th>
						<th scope="col" className={page.number}>
							{t('gateways.connections')}
						</th>
						<th scope="col" className={page.number}>
							{t('gateways.queue')}
						</th>
						<th scope="col" className={page.number}>
							{t('gateways.restarts')}
						</th>
						<th scope="col">{t('gateways.note')}</th>
					</tr>
				</thead>
				<tbody>
					{report.workers.map((w) => (
						<tr key={`${w.slot} ${String(w.current)}`}>
							<td>{w.slot}</td>
							<td>
								<Chip tone={w.state === 'ready' && w.databaseUp ? 'good' : 'warning'}>
									<FromServer>{w.state}</FromServer>
								</Chip>
							</td>
							<td className={page.number}>{number(w.connections)}</td>
							<td className={page.number}>{number(w.recordsInFlight)}</td>
							<td className={page.number}>{number(w.restarts)}</td>
							<td className={page.soft}>
								{[
									w.current ? null : t('gateways.older'),
									w.accepting ? null : t('gateways.notAccepting'),
									w.databaseUp ? null : t('gateways.workerNoDatabase'),
								]
									.filter((s) => s !== null)
									.join('; ')}{' '}
								{w.reason !== null && <FromServer>{w.reason}</FromServer>}
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
