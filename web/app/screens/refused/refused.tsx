/** Trackers that the gateway turned away, newest first; each is one click from being registered. */
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { request } from '../../api/client.ts';
import { refusedQuery, type Refused } from '../../api/queries.ts';
import { useAtRoot, useMe } from '../../shell/shell.tsx';
import { Button } from '../../ui/controls.tsx';
import { Broken, Forbidden, Loading, Notice, Problem } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { Ago } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { HealthTabs } from '../health/tabs.tsx';
import { RegisterDialog } from './register_dialog.tsx';
import css from './refused.module.css';

const route = getRouteApi('/refused');

export function RefusedScreen() {
	const { t } = useTranslation();
	const { add } = route.useSearch();
	const navigate = route.useNavigate();
	const me = useMe();
	const may = useAtRoot('installer');
	const refused = useInfiniteQuery({ ...refusedQuery, enabled: may });
	useTitle(t('refused.title'));
	if (me === undefined) return <Loading lines={8} />;
	if (!may) return <Forbidden />;
	const rows = refused.data?.pages.flatMap((p) => p.items) ?? [];
	const show = (imei: string | undefined) => void navigate({ search: imei === undefined ? {} : { add: imei } });
	return (
		<div className={page.page}>
			<header>
				<h1 className={page.title}>{t('refused.title')}</h1>
				<p className={page.soft}>{t('refused.help')}</p>
			</header>
			<HealthTabs />
			<section className={page.card}>
				{refused.data === undefined ? (
					refused.isError ? (
						<Broken error={refused.error} retry={() => void refused.refetch()} />
					) : (
						<Loading lines={6} />
					)
				) : rows.length === 0 ? (
					<Notice icon="check" title={t('refused.emptyTitle')}>
						{t('refused.emptyHelp')}
					</Notice>
				) : (
					<RefusedTable rows={rows} onAdd={show} />
				)}
			</section>
			{refused.hasNextPage && (
				<div className={page.more}>
					<Button isDisabled={refused.isFetchingNextPage} onPress={() => void refused.fetchNextPage()}>
						{t('loadMore')}
					</Button>
				</div>
			)}
			{add !== undefined && <RegisterDialog key={add} imei={add} onClose={() => show(undefined)} />}
		</div>
	);
}

function RefusedTable({ rows, onAdd }: { rows: readonly Refused[]; onAdd: (imei: string) => void }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const enable = useMutation({
		mutationFn: (imei: string) => request('PATCH', `/devices/imei:${imei}`, { body: { enabled: true } }),
		onSettled: () => queries.invalidateQueries({ queryKey: refusedQuery.queryKey }),
	});
	return (
		<>
			<Problem error={enable.error} />
			<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
				<thead>
					<tr>
						<th scope="col">{t('device.imei')}</th>
						<th scope="col">{t('refused.why')}</th>
						<th scope="col">{t('refused.tries')}</th>
						<th scope="col">{t('refused.last')}</th>
						<th scope="col">{t('device.address')}</th>
						<th scope="col">
							<span className="unseen">{t('refused.do')}</span>
						</th>
					</tr>
				</thead>
				<tbody>
					{rows.map((r) => (
						<tr key={r.imei}>
							<td className={page.mono}>{r.imei}</td>
							<td data-wide className={css.why}>
								{t(r.reason === 'disabled' ? 'refused.disabled' : 'refused.unknown')}
							</td>
							<td data-name={t('refused.tries')} className={css.tries}>
								{r.attempts}
							</td>
							<td className={css.last}>
								<Ago at={Date.parse(r.lastSeenAt)} sentence />
							</td>
							<td className={`${css.address ?? ''} ${page.mono ?? ''}`}>{r.address}</td>
							<td className={css.do}>
								<Action
									refused={r}
									onAdd={() => onAdd(r.imei)}
									onEnable={() => enable.mutate(r.imei)}
									busy={enable.isPending}
								/>
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</>
	);
}

/** What to do about it; or, once that is done, how far it is. */
function Action({
	refused: r,
	onAdd,
	onEnable,
	busy,
}: {
	refused: Refused;
	onAdd: () => void;
	onEnable: () => void;
	busy: boolean;
}) {
	const { t } = useTranslation();
	if (r.device === null)
		return (
			<Button kind="primary" icon="plus" aria-label={t('refused.addThis', { imei: r.imei })} onPress={onAdd}>
				{t('refused.add')}
			</Button>
		);
	if (!r.enabled)
		return (
			<Button isDisabled={busy} aria-label={t('refused.enableThis', { imei: r.imei })} onPress={onEnable}>
				{t('refused.enable')}
			</Button>
		);
	return (
		<span className={css.state}>
			{r.online ? <Chip tone="good">{t('refused.in')}</Chip> : <Chip tone="info">{t('refused.nextTry')}</Chip>}
			<Link to="/" search={{ device: r.device }} className={page.touch}>
				{t('refused.show')}
			</Link>
		</span>
	);
}
