/**
 * Fleet health: what is wrong in the fleet, on one page. Each kind has its count, its devices, the longest first, and the way
 * to what helps. The address holds the kind, the group and how long.
 */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { healthQuery, type Silent, type SilentKind } from '../../api/health.ts';
import { groupsQuery } from '../../api/queries.ts';
import { useLocale } from '../../i18n/locale.ts';
import type { HealthSearch } from '../../router.tsx';
import { useAtRoot } from '../../shell/shell.tsx';
import { silenceSteps, stepEnd } from '../../../shared/silence.ts';
import { Button, Select } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Broken, Loading, Notice, Problem } from '../../ui/states.tsx';
import { useTitle } from '../../ui/title.ts';
import { groupOptions } from '../fleet/filters.tsx';
import page from '../../ui/page.module.css';
import { IllTable, RefusedTable } from './lists.tsx';
import { HealthTabs } from './tabs.tsx';
import css from './health.module.css';

const route = getRouteApi('/health');

/** In the order of how much it says: first what is lost, then what is wrong, then what waits. */
const kinds = ['silent', 'never', 'nofix', 'clock', 'quarantined', 'commands'] as const satisfies SilentKind[];
type Shown = SilentKind | 'refused';

export function HealthScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const everywhere = useAtRoot('installer');
	useTitle(t('health.title'));
	const shown: Shown =
		search.kind === 'refused' && everywhere ? 'refused' : (kinds.find((k) => k === search.kind) ?? 'silent');
	const step = silenceSteps.findIndex((s) => s === search.over);
	const over = shown === 'silent' && step >= 0;
	const health = useInfiniteQuery(
		healthQuery({
			kind: shown === 'refused' ? 'silent' : shown,
			group: search.group,
			overS: over ? silenceSteps[step] : undefined,
			underS: over ? (stepEnd(step) ?? undefined) : undefined,
		}),
	);
	const groups = useQuery(groupsQuery).data ?? [];
	const options = groupOptions(groups).filter((o) => o.id !== '1');
	const first = health.data?.pages[0];
	const set = (change: { [K in keyof HealthSearch]?: HealthSearch[K] | undefined }) =>
		void navigate({
			replace: true,
			search: (before) =>
				Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, v]) => v !== undefined)),
		});
	return (
		<div className={page.page}>
			<header className={page.head}>
				<h1 className={page.title}>{t('health.title')}</h1>
				<span className={page.grow} />
				{options.length > 0 && (
					<Select
						label={t('fleet.group')}
						hideLabel
						compact
						value={search.group ?? ''}
						options={[{ id: '', label: t('fleet.allGroups') }, ...options]}
						onChange={(id) => set({ group: id === '' ? undefined : id })}
					/>
				)}
			</header>
			<HealthTabs />
			{first === undefined ? (
				<section className={page.card}>
					{health.isError ? (
						<Broken error={health.error} retry={() => void health.refetch()} />
					) : (
						<Loading lines={12} />
					)}
				</section>
			) : (
				<>
					{health.isError && <Problem error={health.error} />}
					<Summary health={first} />
					<Kinds health={first} shown={shown} search={search} />
					<section className={page.card} aria-label={t(`health.${shown}`)}>
						<div className={css.about}>
							<h2 className={css.heading}>{t(`health.${shown}`)}</h2>
							<p className={page.soft}>{t(`health.help.${shown}`)}</p>
							{shown === 'silent' && first.counts.silent > 0 && (
								<Steps health={first} step={over ? step : null} onChange={(s) => set({ over: s })} />
							)}
						</div>
						{shown === 'refused' ? (
							<RefusedTable />
						) : health.isPlaceholderData ? (
							<Loading lines={6} />
						) : (
							<Found health={health.data?.pages ?? []} kind={shown} />
						)}
					</section>
					{shown !== 'refused' && health.hasNextPage && (
						<div className={page.more}>
							<Button isDisabled={health.isFetchingNextPage} onPress={() => void health.fetchNextPage()}>
								{t('loadMore')}
							</Button>
						</div>
					)}
				</>
			)}
		</div>
	);
}

function Found({ health, kind }: { health: readonly Silent[]; kind: SilentKind }) {
	const { t } = useTranslation();
	const items = health.flatMap((p) => p.items);
	const strangers = health[0]?.strangers ?? null;
	if (items.length > 0) return <IllTable kind={kind} items={items} />;
	return (
		<Notice icon="check" title={t(`health.none.${kind}`)}>
			{kind === 'quarantined' && strangers !== null && strangers.frames > 0
				? t('health.strangerFrames', { count: strangers.frames })
				: undefined}
		</Notice>
	);
}

/** How many are well, as a sentence and as a line. */
function Summary({ health }: { health: Silent }) {
	const { t } = useTranslation();
	const { devices, ill } = health;
	const share = devices === 0 ? 0 : Math.max(ill === 0 ? 0 : 1, (100 * ill) / devices);
	return (
		<div className={css.summary}>
			<p className={css.said} data-well={ill === 0}>
				{ill === 0 && <Icon name="check" size={20} />}
				{devices === 0
					? t('health.noDevices')
					: ill === 0
						? t('health.allWell', { count: devices })
						: t('health.someIll', { ill, count: devices })}
			</p>
			{devices > 0 && (
				<svg className={css.share} viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
					<rect className={css.shareWell} width="100" height="1" />
					<rect className={css.shareIll} width={share} height="1" />
				</svg>
			)}
		</div>
	);
}

/** A kind each, with its count: the way to its list. */
function Kinds({ health, shown, search }: { health: Silent; shown: Shown; search: HealthSearch }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const number = new Intl.NumberFormat(locale);
	const all: { kind: Shown; count: number }[] = kinds.map((kind) => ({ kind, count: health.counts[kind] }));
	if (health.strangers !== null) all.push({ kind: 'refused', count: health.strangers.refused });
	return (
		<nav aria-label={t('health.kinds')}>
			<ul className={css.kinds}>
				{all.map(({ kind, count }) => (
					<li key={kind}>
						<Link
							to="/health"
							search={{ kind, ...(search.group === undefined ? {} : { group: search.group }) }}
							replace
							className={css.kind}
							data-none={count === 0}
							data-here={kind === shown}
							aria-current={kind === shown ? 'true' : undefined}
						>
							<span className={css.count}>{number.format(count)}</span>
							<span className={css.name}>{t(`health.${kind}`)}</span>
						</Link>
					</li>
				))}
			</ul>
		</nav>
	);
}

/** How long they have been silent, the longest first. */
function Steps({
	health,
	step,
	onChange,
}: {
	health: Silent;
	step: number | null;
	onChange: (from: number | undefined) => void;
}) {
	const { t } = useTranslation();
	const locale = useLocale();
	const number = new Intl.NumberFormat(locale);
	const names = ['under1h', 'to6h', 'to1d', 'to7d', 'to30d', 'over30d'] as const;
	return (
		<div className={`${page.pills ?? ''} ${css.steps ?? ''}`} role="group" aria-label={t('health.howLong')}>
			<button type="button" className={page.pill} aria-pressed={step === null} onClick={() => onChange(undefined)}>
				{t('health.anyTime')}
			</button>
			{[...names.keys()].reverse().map((i) => {
				const count = health.steps[i]?.devices ?? 0;
				const name = names[i];
				if (name === undefined || (count === 0 && step !== i)) return null;
				return (
					<button
						key={name}
						type="button"
						className={page.pill}
						aria-pressed={step === i}
						onClick={() => onChange(step === i ? undefined : silenceSteps[i])}
					>
						{t(`health.${name}`)} <span className={css.pillCount}>{number.format(count)}</span>
					</button>
				);
			})}
		</div>
	);
}
