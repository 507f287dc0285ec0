/**
 * Frames that could not be stored. One or many are decoded again or dropped; the gateway does it, and what it has booked
 * stays in the list until one leaves. The address holds the filter.
 */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { framesQuery, markedQuery, type Frame } from '../../api/quarantine.ts';
import { useLocale } from '../../i18n/locale.ts';
import { useAtLeast, useAtRoot, useMe } from '../../shell/shell.tsx';
import { Button, Checkbox, Select } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Alert, Broken, Forbidden, Loading, Notice, Problem } from '../../ui/states.tsx';
import { At } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import { HealthTabs } from '../health/tabs.tsx';
import page from '../../ui/page.module.css';
import { CourseChip, MarkButtons } from './marking.tsx';
import { codecName, reasons, useCourse, useReason } from './words.ts';
import css from './quarantine.module.css';

const route = getRouteApi('/quarantine');

/** So many at most are followed until they are done, which is what one question may name. */
const MOST_MARKED = 100;

export function QuarantineScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const me = useMe();
	const may = useAtLeast('installer');
	const everywhere = useAtRoot('installer');
	const filter = { imei: search.imei, reason: search.reason, done: search.done };
	const frames = useInfiniteQuery({ ...framesQuery(filter), enabled: may });
	const [marked, setMarked] = useState<readonly string[]>([]);
	const [refused, setRefused] = useState(0);
	const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
	const followed = useQuery(markedQuery(marked)).data ?? [];
	useTitle(t('quarantine.title'));
	if (me === undefined) return <Loading lines={8} />;
	if (!may) return <Forbidden />;
	const byId = new Map((frames.data?.pages ?? []).flatMap((p) => p.items).map((f) => [f.id, f]));
	for (const f of followed) byId.set(f.id, f);
	const rows = [...byId.values()].sort((a, b) => (BigInt(a.id) > BigInt(b.id) ? -1 : 1));
	// What is done can't be chosen, also if it was chosen before.
	const ids = rows.filter((f) => f.decodedAt === null && chosen.has(f.id)).map((f) => f.id);
	return (
		<div className={page.page}>
			<header>
				<h1 className={page.title}>{t('quarantine.title')}</h1>
				<p className={page.soft}>{t('quarantine.help')}</p>
			</header>
			<HealthTabs />
			<Filters />
			{ids.length > 0 && (
				<div className={css.bar} role="region" aria-label={t('quarantine.chosen', { count: ids.length })}>
					<strong>{t('quarantine.chosen', { count: ids.length })}</strong>
					<span className={page.grow} />
					<MarkButtons
						frames={ids}
						onMarked={(done, result) => {
							setMarked([...done, ...marked.filter((id) => !done.includes(id))].slice(0, MOST_MARKED));
							setRefused(result.refused.length);
							setChosen(new Set());
						}}
					/>
				</div>
			)}
			{refused > 0 && <Alert>{t('quarantine.notMarked', { count: refused })}</Alert>}
			<section className={page.card}>
				{frames.data === undefined || frames.isPlaceholderData ? (
					frames.isError ? (
						<Broken error={frames.error} retry={() => void frames.refetch()} />
					) : (
						<Loading lines={8} />
					)
				) : rows.length === 0 ? (
					<Notice icon="check" title={t('quarantine.emptyTitle')}>
						{everywhere ? t('quarantine.emptyHelp') : t('quarantine.emptyHelpGroup')}
					</Notice>
				) : (
					<Frames rows={rows} chosen={new Set(ids)} onChoose={setChosen} />
				)}
			</section>
			{frames.isError && frames.data !== undefined && <Problem error={frames.error} />}
			{frames.hasNextPage && (
				<div className={page.more}>
					<Button isDisabled={frames.isFetchingNextPage} onPress={() => void frames.fetchNextPage()}>
						{t('loadMore')}
					</Button>
				</div>
			)}
		</div>
	);
}

function Filters() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const reason = useReason();
	const set = (change: Partial<Record<keyof typeof search, string | undefined>>) =>
		void navigate({
			replace: true,
			search: (before) =>
				Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, v]) => v !== undefined)),
		});
	return (
		<div className={css.filters}>
			<div className={page.pills} role="group" aria-label={t('quarantine.which')}>
				{([undefined, 'true'] as const).map((done) => (
					<button
						key={done ?? 'open'}
						type="button"
						className={page.pill}
						aria-pressed={search.done === done}
						onClick={() => set({ done })}
					>
						{t(done === undefined ? 'quarantine.open' : 'quarantine.withDone')}
					</button>
				))}
			</div>
			<Select
				label={t('quarantine.why')}
				hideLabel
				compact
				value={search.reason ?? ''}
				options={[
					{ id: '', label: t('quarantine.anyReason') },
					...reasons.map((r) => ({ id: r, label: reason(r).name })),
				]}
				onChange={(id) => set({ reason: id === '' ? undefined : id })}
			/>
			{search.imei !== undefined && (
				<button type="button" className={page.only} onClick={() => set({ imei: undefined })}>
					{t('commands.forDevice', { name: search.imei })}
					<Icon name="close" size={12} />
					<span className="unseen">{t('commands.allDevices')}</span>
				</button>
			)}
		</div>
	);
}

function Frames({
	rows,
	chosen,
	onChoose,
}: {
	rows: readonly Frame[];
	chosen: ReadonlySet<string>;
	onChoose: (chosen: ReadonlySet<string>) => void;
}) {
	const { t } = useTranslation();
	const open = rows.filter((f) => f.decodedAt === null);
	const all = open.length > 0 && open.every((f) => chosen.has(f.id));
	return (
		<>
			{open.length > 0 && (
				<div className={css.all}>
					<Checkbox isSelected={all} onChange={(on) => onChoose(new Set(on ? open.map((f) => f.id) : []))}>
						{t('quarantine.chooseAll', { count: open.length })}
					</Checkbox>
				</div>
			)}
			<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
				<thead>
					<tr>
						<th scope="col">
							<span className="unseen">{t('quarantine.choose')}</span>
						</th>
						<th scope="col">{t('quarantine.device')}</th>
						<th scope="col">{t('quarantine.why')}</th>
						<th scope="col">{t('quarantine.size')}</th>
						<th scope="col">{t('quarantine.when')}</th>
						<th scope="col">
							<span className="unseen">{t('quarantine.look')}</span>
						</th>
					</tr>
				</thead>
				<tbody>
					{rows.map((f) => (
						<Row
							key={f.id}
							frame={f}
							chosen={chosen.has(f.id)}
							onChoose={(on) => onChoose(new Set(on ? [...chosen, f.id] : [...chosen].filter((id) => id !== f.id)))}
						/>
					))}
				</tbody>
			</table>
		</>
	);
}

function Row({ frame: f, chosen, onChoose }: { frame: Frame; chosen: boolean; onChoose: (on: boolean) => void }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const reason = useReason()(f.reason);
	const course = useCourse()(f);
	return (
		<tr className={css.row}>
			<td className={css.pick}>
				{f.decodedAt === null && (
					<Checkbox isSelected={chosen} onChange={onChoose}>
						<span className="unseen">{t('quarantine.chooseThis', { id: f.id, name: f.deviceName ?? f.imei })}</span>
					</Checkbox>
				)}
			</td>
			<td className={css.who}>
				{f.device === null ? (
					<span className={page.mono}>{f.imei}</span>
				) : (
					<Link to="/" search={{ device: f.device }} className={`${css.device ?? ''} ${page.touch ?? ''}`}>
						{f.deviceName ?? f.imei}
					</Link>
				)}
				{f.device === null && <span className={css.note}>{t('quarantine.stranger')}</span>}
			</td>
			<td className={css.why}>
				{reason.name}
				{course !== null && (
					<span className={css.course}>
						<CourseChip course={course} />
					</span>
				)}
			</td>
			<td className={css.size}>
				{t('quarantine.bytes', { n: new Intl.NumberFormat(locale).format(f.bytes) })}
				{f.codec !== null && <span className={css.note}>{t('quarantine.codecOf', { name: codecName(f.codec) })}</span>}
			</td>
			<td className={css.when}>
				<At at={f.lastSeenAt} />
				{f.attempts > 1 && <span className={css.note}>{t('quarantine.sent', { count: f.attempts })}</span>}
			</td>
			<td className={css.look}>
				<Link
					to="/quarantine/$frame"
					params={{ frame: f.id }}
					className={page.touch}
					aria-label={t('quarantine.lookAt', { id: f.id })}
				>
					{t('quarantine.look')}
				</Link>
			</td>
		</tr>
	);
}
