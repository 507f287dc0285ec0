/** One device beside the map: what it says now, how fresh, by which way, what happened, what was sent. */
import { useQuery, useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { useMeasures } from '../../i18n/measures.ts';
import { useOwn } from '../../i18n/own.ts';
import {
	commandsQuery,
	deviceEventsQuery,
	deviceStateQuery,
	groupsQuery,
	type DeviceState,
	type Group,
} from '../../api/queries.ts';
import { ApiProblem } from '../../api/client.ts';
import { useFleetVersion, useLive } from '../../live/context.tsx';
import { titleOf } from '../../live/names.ts';
import { directions } from '../../map/places.ts';
import { useAtLeast } from '../../shell/shell.tsx';
import { outOf } from '../../../shared/frame.ts';
import type { State } from '../../../shared/state.ts';
import { Button, buttonClass, IconButton } from '../../ui/controls.tsx';
import { useCopy } from '../../ui/copy.ts';
import { useEnding } from '../../ui/endings.ts';
import { FromServer } from '../../ui/from_server.tsx';
import { asWords, readingOrder, sayNumber, sayReading, type ReadingKey } from '../../ui/readings.ts';
import { Broken, Loading, Missing } from '../../ui/states.tsx';
import { StateMark } from '../../ui/state_mark.tsx';
import { Chip, PlaceText, StateText } from '../../ui/text.tsx';
import { Ago, At, shortTime, useSpan } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import { dayOf } from '../../i18n/zone.ts';
import { useDeviceRights } from '../devices/rights.ts';
import { CommandChip } from '../commands/status.tsx';
import page from '../../ui/page.module.css';
import css from './sheet.module.css';

const noGroups: readonly Group[] = [];

export interface SheetProps {
	device: string;
	following: boolean;
	onFollow: (on: boolean) => void;
	onClose: () => void;
}

export function DeviceSheet({ device, following, onFollow, onClose }: SheetProps) {
	const { t } = useTranslation();
	const state = useQuery(deviceStateQuery(device));
	const sheet = useRef<HTMLElement>(null);
	// Deleted while one looks at it, or no longer one's own: what was known of it goes from the page.
	const gone = state.error instanceof ApiProblem && state.error.status === 404;
	const data = gone ? undefined : state.data;
	useTitle(data === undefined ? undefined : titleOf(data.device));
	useEffect(() => {
		sheet.current?.focus();
	}, []);
	return (
		<aside
			ref={sheet}
			tabIndex={-1}
			className={css.sheet}
			aria-label={data === undefined ? t('device.label') : titleOf(data.device)}
			onKeyDown={(event) => event.key === 'Escape' && onClose()}
		>
			{data === undefined ? (
				<>
					<div className={css.closeAlone}>
						<IconButton icon="close" label={t('close')} onPress={onClose} />
					</div>
					{state.isError ? <Broken error={state.error} retry={() => void state.refetch()} /> : <Loading lines={14} />}
				</>
			) : (
				<>
					<Head state={data} following={following} onFollow={onFollow} onClose={onClose} />
					<div className={css.body}>
						{state.isError && <p className={css.stale}>{t('live.awayHelp')}</p>}
						<Readings state={data} />
						<Connection state={data} />
						<Events device={device} />
						<Commands device={data.device.id} />
						<About state={data} />
						<Values state={data} />
					</div>
				</>
			)}
		</aside>
	);
}

function Head({ state, following, onFollow, onClose }: { state: DeviceState } & Omit<SheetProps, 'device'>) {
	const { t } = useTranslation();
	const measures = useMeasures();
	const live = useLive();
	useFleetVersion();
	const maySend = useAtLeast('operator');
	const mayDiagnose = useAtLeast('installer');
	const d = state.device;
	const { copied, copy } = useCopy(`${location.origin}/devices/${d.id}`);
	const number = live.fleet.numberOf(d.id);
	// The live frame is newer than the answer, where both are there.
	const now: State = (number === undefined ? null : live.fleet.state(number)) ?? d.state;
	const speed = number === undefined ? d.speed : (live.fleet.speed[number] ?? d.speed);
	const heading = number === undefined ? (d.heading ?? 0) : ((live.fleet.heading[number] ?? 0) * 360) / 256;
	const out =
		now === 'out'
			? ((number === undefined ? undefined : outOf(live.fleet.flags[number] ?? 0)) ?? d.out ?? undefined)
			: undefined;
	const liveSeen = number === undefined ? 0 : (live.fleet.lastSeen[number] ?? 0) * 1000;
	const seen = Math.max(liveSeen, d.lastSeenAt === null ? 0 : Date.parse(d.lastSeenAt));
	const title = titleOf(d);
	const towards = directions[Math.round(heading / 45) % 8];
	return (
		<header className={css.head}>
			<div className={css.titleLine}>
				<h2 className={css.title}>{title}</h2>
				{d.plate !== null && d.plate !== title && <Chip tone="plate">{d.plate}</Chip>}
				<span className={css.grow} />
				<IconButton icon={copied ? 'check' : 'link'} label={copied ? t('copied') : t('device.copy')} onPress={copy} />
				<IconButton icon="close" label={t('close')} onPress={onClose} />
			</div>
			<div className={css.now}>
				<StateMark state={now} heading={heading} size={20} />
				<StateText state={now}>
					<span className={css.state}>{t(`state.${out ?? now}`)}</span>
				</StateText>
				{now === 'moving' && speed !== null && (
					<span className={css.speed}>
						{measures.speed(speed)}
						{towards !== undefined && <span className={css.faint}> {t(`direction.${towards}`)}</span>}
					</span>
				)}
				<span className={css.grow} />
				<span className={css.fresh} title={t('device.seen')}>
					<Ago at={seen === 0 ? null : seen} sentence />
				</span>
			</div>
			<p className={css.place}>
				{d.latitude === null || d.longitude === null ? (
					t('device.noFix')
				) : (
					<PlaceText latitude={d.latitude} longitude={d.longitude} />
				)}
			</p>
			<FixAge state={state} />
			{d.clockAhead && <p className={css.warn}>{t('device.clockAhead')}</p>}
			<div className={css.actions}>
				<Button
					kind={following ? 'primary' : 'plain'}
					icon="follow"
					isDisabled={d.latitude === null}
					onPress={() => onFollow(!following)}
				>
					{following ? t('fleet.following') : t('device.follow')}
				</Button>
				<Link to="/devices/$device/history" params={{ device: d.id }} className={buttonClass()}>
					{t('history.open')}
				</Link>
				{maySend && (
					<Link to="/commands/send" search={{ to: d.id }} className={buttonClass()}>
						{t('device.command')}
					</Link>
				)}
				{mayDiagnose && (
					<Link to="/devices/$device/why" params={{ device: d.id }} className={buttonClass()}>
						{now === 'silent' || now === 'out' ? t('device.why') : t('device.whyNot')}
					</Link>
				)}
			</div>
		</header>
	);
}

/** Says so where the place is older than the newest record: it isn't where it is now. */
function FixAge({ state }: { state: DeviceState }) {
	const { t } = useTranslation();
	const span = useSpan();
	if (state.device.fixAt === null || state.lastRecordAt === null) return null;
	const behind = (Date.parse(state.lastRecordAt) - Date.parse(state.device.fixAt)) / 1000;
	if (behind < 120) return null;
	return <p className={css.warn}>{t('device.fixOld', { age: span(behind) })}</p>;
}

/** Readings that are older say of when they are. */
const OLD_READINGS_MS = 600_000;

function Readings({ state }: { state: DeviceState }) {
	const { t } = useTranslation();
	const live = useLive();
	const locale = useLocale();
	const { units } = useOwn();
	const flags = { yes: t('yes'), no: t('no'), on: t('on'), off: t('off') };
	const said = readingOrder.flatMap((key) => {
		const value = sayReading(key, state.readings[key], locale, units, flags);
		return value === null ? [] : [{ key, ...value }];
	});
	const newest = state.lastRecordAt === null ? null : Date.parse(state.lastRecordAt);
	const isOld = said.length > 0 && newest !== null && live.now() - newest > OLD_READINGS_MS;
	const text = (key: ReadingKey) => said.find((s) => s.key === key)?.text;
	// Many devices send one odometer in two elements.
	const shown =
		text('odometer_m') === text('vehicle_odometer_m') ? said.filter((s) => s.key !== 'vehicle_odometer_m') : said;
	return (
		<section className={css.section}>
			<h3 className={css.heading}>
				{t('device.readings')}
				{isOld && <span className={css.old}>{t('live.asOf', { time: shortTime(newest, locale) })}</span>}
			</h3>
			{shown.length === 0 ? (
				<p className={css.faint}>{t('device.noReadings')}</p>
			) : (
				<dl className={css.readings}>
					{shown.map(({ key, text, unit }) => (
						<div key={key} className={css.reading} data-wide={text.length > 14}>
							<dt>{t(`reading.${key}`)}</dt>
							<dd>
								{text}
								{unit !== '' && <span className={css.unit}> {unit}</span>}
							</dd>
						</div>
					))}
				</dl>
			)}
		</section>
	);
}

function Fact({ name, children, mono = false }: { name: string; children: React.ReactNode; mono?: boolean }) {
	return (
		<div className={css.fact}>
			<dt>{name}</dt>
			<dd className={mono ? css.mono : undefined}>{children}</dd>
		</div>
	);
}

function Connection({ state }: { state: DeviceState }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const ended = useEnding();
	const s = state.session;
	const time = (at: string) => shortTime(Date.parse(at), locale);
	return (
		<section className={css.section}>
			<h3 className={css.heading}>{t('device.connection')}</h3>
			<p className={css.connection} data-on={s.online}>
				{s.online && s.connectedAt !== null
					? t('device.connected', { time: time(s.connectedAt) })
					: s.disconnectedAt !== null
						? t('device.disconnected', { time: time(s.disconnectedAt) })
						: t('device.neverConnected')}
			</p>
			<dl className={css.facts}>
				{!s.online && s.disconnectReason !== null && <Fact name={t('device.reason')}>{ended(s.disconnectReason)}</Fact>}
				{s.gateway !== null && <Fact name={t('device.gateway')}>{s.gateway}</Fact>}
				{s.address !== null && (
					<Fact name={t('device.address')} mono>
						{s.address}
					</Fact>
				)}
				{state.device.fixAt !== null && (
					<Fact name={t('device.fix')}>
						<Ago at={Date.parse(state.device.fixAt)} sentence />
					</Fact>
				)}
				{state.satellites !== null && <Fact name={t('device.satellites')}>{state.satellites}</Fact>}
			</dl>
		</section>
	);
}

const FEW_EVENTS = 6;
const MANY_EVENTS = 100;

function Events({ device }: { device: string }) {
	const { t } = useTranslation();
	const [limit, setLimit] = useState(FEW_EVENTS);
	const events = useQuery(deviceEventsQuery(device, limit));
	return (
		<section className={css.section}>
			<h3 className={css.heading}>
				{t('device.events')}
				<Link to="/events" search={{ device }} className={page.touch}>
					{t('events.allOf')}
				</Link>
			</h3>
			{events.data === undefined ? (
				events.isError ? (
					<Missing error={events.error} />
				) : (
					<Loading lines={3} />
				)
			) : events.data.length === 0 ? (
				<p className={css.faint}>{t('device.noEvents')}</p>
			) : (
				<>
					<ul className={css.rows}>
						{events.data.map((e) => (
							<li key={`${e.at} ${e.kind}`} className={css.event} data-severity={e.severity}>
								<span className={css.dot} />
								<span className={css.what}>
									<FromServer>{asWords(e.label ?? e.kind)}</FromServer>
									{e.value !== null && e.unit !== null && e.unit !== '' && (
										<span className={css.faint}>
											{' '}
											{e.value} {e.unit}
										</span>
									)}
								</span>
								<Link
									to="/devices/$device/history"
									params={{ device }}
									search={{ from: dayOf(Date.parse(e.at)), at: e.at }}
									title={t('history.open')}
									className={`${css.when ?? ''} ${page.touch ?? ''}`}
								>
									<At at={e.at} />
								</Link>
							</li>
						))}
					</ul>
					{limit === FEW_EVENTS && events.data.length === FEW_EVENTS && (
						<button type="button" className={css.more} onClick={() => setLimit(MANY_EVENTS)}>
							{t('loadMore')}
						</button>
					)}
				</>
			)}
		</section>
	);
}

function Commands({ device }: { device: string }) {
	const { t } = useTranslation();
	const commands = useInfiniteQuery({ ...commandsQuery({ device, limit: 4 }), select: (d) => d.pages[0]?.items ?? [] });
	return (
		<section className={css.section}>
			<h3 className={css.heading}>
				{t('device.commands')}
				<Link to="/commands" search={{ device }} className={page.touch}>
					{t('device.allCommands')}
				</Link>
			</h3>
			{commands.data === undefined ? (
				commands.isError ? (
					<Missing error={commands.error} />
				) : (
					<Loading lines={2} />
				)
			) : commands.data.length === 0 ? (
				<p className={css.faint}>{t('device.noCommands')}</p>
			) : (
				<ul className={css.rows}>
					{commands.data.slice(0, 4).map((c) => (
						<li key={c.id} className={css.command}>
							<code className={css.commandText}>{c.text ?? t('device.hidden')}</code>
							<CommandChip command={c} />
							{c.response !== null && <span className={css.answer}>{c.response}</span>}
							<span className={css.when}>
								<At at={c.createdAt} />
							</span>
						</li>
					))}
				</ul>
			)}
		</section>
	);
}

function About({ state }: { state: DeviceState }) {
	const { t } = useTranslation();
	const measures = useMeasures();
	const groups = useQuery(groupsQuery).data ?? noGroups;
	const d = state.device;
	const mayEdit = useDeviceRights(groups).mayEdit(d);
	return (
		<section className={css.section}>
			<h3 className={css.heading}>
				{t('device.about')}
				{mayEdit && (
					<Link to="/devices" search={{ q: d.imei, edit: d.id }} className={page.touch}>
						{t('people.change')}
					</Link>
				)}
			</h3>
			<dl className={css.facts}>
				<Fact name={t('device.imei')} mono>
					{d.imei}
				</Fact>
				{d.phone !== null && (
					<Fact name={t('device.phone')} mono>
						{d.phone}
					</Fact>
				)}
				{d.model !== null && (
					<Fact name={t('device.model')}>
						<Link to="/models" search={{ model: d.model }} className={page.touch}>
							{d.model}
						</Link>
					</Fact>
				)}
				{state.family !== null && (
					<Fact name={t('device.family')}>
						{state.familyHow === null ? state.family : `${state.family} (${state.familyHow})`}
					</Fact>
				)}
				{d.group !== null && (
					<Fact name={t('device.group')}>{groups.find((g) => g.id === d.group)?.name ?? d.group}</Fact>
				)}
				{d.latitude !== null && d.longitude !== null && (
					<Fact name={t('device.coordinates')} mono>
						{d.latitude.toFixed(5)}, {d.longitude.toFixed(5)}
					</Fact>
				)}
				{state.altitude !== null && <Fact name={t('device.altitude')}>{measures.height(state.altitude)}</Fact>}
				{d.notes !== null && d.notes !== '' && <Fact name={t('device.notes')}>{d.notes}</Fact>}
			</dl>
		</section>
	);
}

function Values({ state }: { state: DeviceState }) {
	const { t } = useTranslation();
	const locale = useLocale();
	if (state.io.length === 0) return null;
	return (
		<details className={css.details}>
			<summary>
				{t('device.values')} <span className={css.faint}>{state.io.length}</span>
			</summary>
			<table className={css.values}>
				<thead>
					<tr>
						<th scope="col">{t('device.element')}</th>
						<th scope="col">{t('device.value')}</th>
					</tr>
				</thead>
				<tbody>
					{state.io.map((v) => (
						<tr key={v.id}>
							<td>
								<FromServer>{asWords(v.name ?? `io_${v.id}`)}</FromServer> <span className={css.faint}>{v.id}</span>
							</td>
							<td>
								{v.label === null ? (
									v.value === null ? (
										v.text
									) : (
										sayNumber(v.value, locale)
									)
								) : (
									<FromServer>{v.label}</FromServer>
								)}
								{v.unit !== null && v.label === null && <span className={css.unit}> {v.unit}</span>}
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</details>
	);
}
