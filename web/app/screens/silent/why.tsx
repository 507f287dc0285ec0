/** Why silent: the verdict in a sentence, what to do, the facts, the sessions in time, and what the gateway sees right now. */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { ownNow } from '../../i18n/own.ts';
import { ApiProblem } from '../../api/client.ts';
import {
	deviceStateQuery,
	pastSessionsQuery,
	whyQuery,
	type DeviceState,
	type PastSession,
} from '../../api/queries.ts';
import type { en } from '../../i18n/en/index.ts';
import { useLive } from '../../live/context.tsx';
import { titleOf } from '../../live/names.ts';
import { Button } from '../../ui/controls.tsx';
import { useEnding } from '../../ui/endings.ts';
import { Icon } from '../../ui/icons.tsx';
import { asWords, spelled } from '../../ui/readings.ts';
import { Broken, Loading } from '../../ui/states.tsx';
import { StateMark } from '../../ui/state_mark.tsx';
import { Chip, StateText } from '../../ui/text.tsx';
import { Ago, At, shortTime, TimedText, useSpan } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { barOf } from './bars.ts';
import { hasWords, rawText, timeOf, toneOf, valuesOf, type TraceKey, type TraceLine } from './trace_words.ts';
import css from './why.module.css';

const route = getRouteApi('/devices/$device/why');

type Fact = keyof (typeof en)['why']['fact'];

export function WhyScreen() {
	const { device } = route.useParams();
	const { t, i18n } = useTranslation();
	const factName = (fact: string) => {
		const key = `why.fact.${fact}`;
		return i18n.exists(key) ? t(key as `why.fact.${Fact}`) : asWords(fact);
	};
	const state = useQuery(deviceStateQuery(device));
	const why = useQuery(whyQuery(device));
	useTitle(state.data === undefined ? undefined : `${t('why.title')}: ${titleOf(state.data.device)}`);
	if (state.data === undefined)
		return state.isError ? <Broken error={state.error} retry={() => void state.refetch()} /> : <Loading lines={10} />;
	// Who may not have the diagnosis has nothing here.
	if (why.error instanceof ApiProblem && why.error.status === 403) return <Broken error={why.error} />;
	const d = state.data.device;
	const bad = d.state === 'silent' || d.state === 'out' || d.state === 'nofix';
	return (
		<div className={page.page}>
			<header className={page.head}>
				<Link to="/" search={{ device: d.id }} className={page.back} aria-label={t('back')}>
					<Icon name="back" />
				</Link>
				<h1 className={page.title}>{titleOf(d)}</h1>
				{d.plate !== null && d.plate !== titleOf(d) && <Chip tone="plate">{d.plate}</Chip>}
				<span className={css.state}>
					<StateMark state={d.state} heading={d.heading ?? 0} />
					<StateText state={d.state}>{t(`state.${d.out ?? d.state}`)}</StateText>
					{d.lastSeenAt !== null && (
						<span className={page.faint}>
							<Ago at={Date.parse(d.lastSeenAt)} sentence />
						</span>
					)}
				</span>
				<span className={page.grow} />
				<span className={`${page.mono ?? ''} ${page.soft ?? ''}`}>{d.imei}</span>
			</header>
			<div className={css.columns}>
				<div className={css.main}>
					<section className={css.verdict} data-bad={bad} aria-live="polite">
						{why.data === undefined ? (
							why.isError ? (
								<Broken error={why.error} retry={() => void why.refetch()} />
							) : (
								<Loading lines={3} />
							)
						) : (
							<>
								<p className={css.answer}>
									<TimedText text={why.data.answer} />
								</p>
								{why.data.advice !== '' && (
									<>
										<h2 className={css.label}>{t('why.do')}</h2>
										<p className={css.advice} lang="en">
											{why.data.advice}
										</p>
									</>
								)}
							</>
						)}
					</section>
					{why.data !== undefined && why.data.reasons.filter((r) => r.answer !== why.data.answer).length > 0 && (
						<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
							<h2 className={page.section}>{t('why.also')}</h2>
							<ul className={css.also}>
								{why.data.reasons
									.filter((r) => r.answer !== why.data.answer)
									.map((r) => (
										<li key={r.reason}>
											<TimedText text={r.answer} />{' '}
											{r.advice !== '' && (
												<span className={page.soft} lang="en">
													{r.advice}
												</span>
											)}
										</li>
									))}
							</ul>
						</section>
					)}
					<Sessions state={state.data} />
					{why.data !== undefined && why.data.facts.length > 0 && (
						<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
							<h2 className={page.section}>{t('why.facts')}</h2>
							<dl className={css.facts}>
								{why.data.facts.map((f) => (
									<div key={f.fact}>
										<dt>{factName(f.fact)}</dt>
										<dd>
											{/* Names of elements, with what the record says of them. */}
											<TimedText text={f.fact === 'last_record_says' ? spelled(f.text) : f.text} />
										</dd>
									</div>
								))}
							</dl>
						</section>
					)}
				</div>
				<LiveTrace imei={d.imei} />
			</div>
		</div>
	);
}

const WEEK = 7 * 86_400_000;
/** Of the drawing, in its own units. */
const WIDTH = 700;

/** The session that is open now, which stands in the table of sessions only when it has ended. */
function openSession({ session: s }: DeviceState): PastSession[] {
	if (!s.online || s.connectedAt === null) return [];
	return [{ from: s.connectedAt, to: null, gateway: s.gateway, address: s.address, reason: null, records: null }];
}

function Sessions({ state }: { state: DeviceState }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const live = useLive();
	const ending = useEnding();
	const [now] = useState(() => live.now());
	const from = now - WEEK;
	const sessions = useQuery(pastSessionsQuery(state.device.id, from));
	const seen = [...openSession(state), ...(sessions.data?.items ?? [])].filter(
		(s) => (s.to === null ? now : Date.parse(s.to)) > from,
	);
	// What was before the oldest of so many is not known: it is not drawn as a time without a session.
	const oldest = sessions.data?.more === true ? sessions.data.items.at(-1) : undefined;
	const days = Array.from({ length: 7 }, (_, i) => new Date(now - (6 - i) * 86_400_000));
	return (
		<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
			<h2 className={page.section}>{t('why.sessions')}</h2>
			{sessions.isError ? (
				<Broken error={sessions.error} retry={() => void sessions.refetch()} />
			) : sessions.data === undefined ? (
				<Loading lines={2} />
			) : seen.length === 0 ? (
				<p className={page.faint}>{t('why.noSessions')}</p>
			) : (
				<>
					<svg
						className={css.timeline}
						viewBox={`0 0 ${WIDTH} 34`}
						preserveAspectRatio="none"
						role="img"
						aria-label={t('why.sessions')}
					>
						<rect className={css.track} width={WIDTH} height="34" rx="3" />
						{oldest !== undefined && (
							<rect
								className={css.unknown}
								y="5"
								width={barOf({ from: new Date(from).toISOString(), to: oldest.from }, from, now, WIDTH).width}
								height="24"
							/>
						)}
						{seen.map((s) => {
							const bar = barOf(s, from, now, WIDTH);
							return (
								<rect
									key={s.from}
									className={css.session}
									data-open={s.to === null}
									x={bar.x}
									y="5"
									width={bar.width}
									height="24"
								>
									<title>
										{[
											`${shortTime(Date.parse(s.from), locale)} – ${s.to === null ? t('why.open') : shortTime(Date.parse(s.to), locale)}`,
											...(s.reason === null ? [] : [ending(s.reason)]),
										].join('. ')}
									</title>
								</rect>
							);
						})}
					</svg>
					<div className={css.days} aria-hidden="true">
						{days.map((day) => (
							<span key={day.getTime()}>
								{new Intl.DateTimeFormat(locale, {
									weekday: 'short',
									day: 'numeric',
									timeZone: ownNow().timeZone,
								}).format(day)}
							</span>
						))}
					</div>
					{oldest !== undefined && (
						<p className={page.soft}>{t('why.moreSessions', { time: shortTime(Date.parse(oldest.from), locale) })}</p>
					)}
					<details className={css.details}>
						<summary>
							{t('why.sessionsTable')} <span className={page.faint}>{seen.length}</span>
						</summary>
						<SessionTable sessions={seen} now={now} />
					</details>
				</>
			)}
		</section>
	);
}

function SessionTable({ sessions, now }: { sessions: PastSession[]; now: number }) {
	const { t } = useTranslation();
	const span = useSpan();
	const ending = useEnding();
	return (
		<div className={page.scroll}>
			<table className={`${page.table ?? ''} ${css.small ?? ''}`}>
				<thead>
					<tr>
						<th scope="col">{t('why.from')}</th>
						<th scope="col">{t('why.lasted')}</th>
						<th scope="col">{t('why.ended')}</th>
						<th scope="col">{t('why.records')}</th>
						<th scope="col">{t('device.gateway')}</th>
					</tr>
				</thead>
				<tbody>
					{sessions.map((s) => (
						<tr key={s.from}>
							<td>
								<At at={s.from} />
							</td>
							<td>{span(((s.to === null ? now : Date.parse(s.to)) - Date.parse(s.from)) / 1000)}</td>
							<td>{s.to === null ? t('why.open') : s.reason === null ? t('unknown') : ending(s.reason)}</td>
							<td>{s.records ?? ''}</td>
							<td>{s.gateway ?? ''}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

const MOST_LINES = 400;

type Heard = { n: number; line: TraceLine };

function LiveTrace({ imei }: { imei: string }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const { socket } = useLive();
	const [running, setRunning] = useState(false);
	const [lines, setLines] = useState<Heard[]>([]);
	const [said, setSaid] = useState<string | null>(null);
	const box = useRef<HTMLOListElement>(null);

	useEffect(() => {
		if (!running) return;
		let n = 0;
		const heard = (line: TraceLine) => setLines((before) => [...before.slice(-MOST_LINES + 1), { n: n++, line }]);
		const ended = ({ reason }: { reason: string }) => {
			setSaid(t('why.traceEnded', { reason }));
			setRunning(false);
		};
		const lost = () => ended({ reason: t('live.offline') });
		socket.on('trace', heard);
		socket.on('traceEnd', ended);
		socket.on('disconnect', lost);
		socket.emit('trace', { imei, seconds: 600 }, (answer) => {
			if (answer.ok) return;
			setSaid(t('why.traceRefused', { reason: answer.error }));
			setRunning(false);
		});
		return () => {
			socket.off('trace', heard);
			socket.off('traceEnd', ended);
			socket.off('disconnect', lost);
			socket.emit('traceStop');
		};
	}, [running, imei, socket, t]);

	useEffect(() => {
		box.current?.scrollTo({ top: box.current.scrollHeight });
	}, [lines]);

	return (
		<section className={css.trace} aria-label={t('why.trace')}>
			<header className={css.traceHead}>
				<h2 className={page.section}>{t('why.trace')}</h2>
				<Button
					icon={running ? 'pause' : 'play'}
					kind={running ? 'plain' : 'primary'}
					onPress={() => {
						if (!running) {
							setLines([]);
							setSaid(null);
						}
						setRunning(!running);
					}}
				>
					{running ? t('why.stop') : t('why.start')}
				</Button>
			</header>
			{lines.length === 0 && (
				<p className={css.traceHelp}>{said ?? (running ? t('why.waiting') : t('why.traceHelp'))}</p>
			)}
			{lines.length > 0 && (
				<ol ref={box} className={css.lines} tabIndex={0} aria-label={t('why.trace')}>
					{lines.map(({ n, line }) => {
						const at = timeOf(line);
						return (
							<li key={n} data-tone={toneOf(line)}>
								{at !== null && (
									<time>{new Date(at).toLocaleTimeString(locale, { hour12: false, timeZone: ownNow().timeZone })}</time>
								)}
								<span>{hasWords(line) ? t(`trace.${line['event'] as TraceKey}`, valuesOf(line)) : rawText(line)}</span>
							</li>
						);
					})}
					{said !== null && <li data-tone="bad">{said}</li>}
				</ol>
			)}
		</section>
	);
}
