/** The ledger of commands, live: what waits, what failed and may have run, what was answered. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { request } from '../../api/client.ts';
import { commandQuery, commandsQuery, deviceQuery, type Command, type CommandStatus } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import { useAtLeast } from '../../shell/shell.tsx';
import { Button, buttonClass, IconButton } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { FromServer } from '../../ui/from_server.tsx';
import { Broken, Loading, Notice, Problem } from '../../ui/states.tsx';
import { At, shortTime, useSpan } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { CommandChip } from './status.tsx';
import { CommandTabs } from './tabs.tsx';
import css from './ledger.module.css';

const route = getRouteApi('/commands');
const statuses: readonly CommandStatus[] = ['pending', 'sent', 'acked', 'failed', 'expired', 'cancelled'];

export function CommandsScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const maySend = useAtLeast('operator');
	useTitle(t('commands.title'));
	const { id } = search;
	// On a phone they stand in one line, which may end before the chosen one.
	const pills = useRef<HTMLDivElement>(null);
	useEffect(() => {
		pills.current?.querySelector('[aria-pressed="true"]')?.scrollIntoView({ inline: 'center', block: 'nearest' });
	}, [search.status]);
	const all = useInfiniteQuery({
		...commandsQuery({ status: search.status, device: search.device }),
		enabled: id === undefined,
	});
	const one = useQuery({ ...commandQuery(id ?? ''), enabled: id !== undefined });
	const commands = id === undefined ? all : one;
	const only = useQuery({ ...deviceQuery(search.device ?? ''), enabled: search.device !== undefined }).data;
	const [cancelling, setCancelling] = useState<Command | null>(null);
	const listed = id === undefined ? (all.data?.pages.flatMap((p) => p.items) ?? []) : [one.data];
	const rows = listed.filter((c) => c !== undefined);
	const setStatus = (status: string | undefined) =>
		void navigate({
			search: ({ status: _old, ...rest }) => (status === undefined ? rest : { ...rest, status }),
			replace: true,
		});

	return (
		<div className={page.page}>
			<header className={page.head}>
				<h1 className={page.title}>{t('commands.title')}</h1>
				{search.device !== undefined && (
					<Link to="/commands" search={({ device: _old, ...rest }) => rest} className={page.only}>
						{t('commands.forDevice', { name: only === undefined ? '…' : titleOf(only) })}
						<Icon name="close" size={12} />
						<span className="unseen">{t('commands.allDevices')}</span>
					</Link>
				)}
				{id !== undefined && (
					<Link to="/commands" search={({ id: _old, ...rest }) => rest} className={page.only}>
						{t('commands.onlyThis', { id })}
						<Icon name="close" size={12} />
						<span className="unseen">{t('commands.all')}</span>
					</Link>
				)}
				<span className={page.grow} />
				{maySend && (
					<Link
						to="/commands/send"
						search={search.device === undefined ? {} : { to: search.device }}
						className={buttonClass('primary')}
					>
						{t('commands.send')}
					</Link>
				)}
			</header>
			<CommandTabs />
			{id === undefined && (
				<div ref={pills} className={page.pills} role="group" aria-label={t('commands.status')}>
					<button
						type="button"
						className={page.pill}
						aria-pressed={search.status === undefined}
						onClick={() => setStatus(undefined)}
					>
						{t('commands.all')}
					</button>
					{statuses.map((s) => (
						<button
							key={s}
							type="button"
							className={page.pill}
							aria-pressed={search.status === s}
							onClick={() => setStatus(s)}
						>
							{t(`commands.${s}`)}
						</button>
					))}
				</div>
			)}
			<section className={page.card}>
				{commands.isError && rows.length === 0 ? (
					<Broken error={commands.error} retry={() => void commands.refetch()} />
				) : commands.isPending ? (
					<Loading lines={10} />
				) : rows.length === 0 ? (
					<Notice icon="commands" title={t('commands.emptyTitle')}>
						{t(search.status === undefined && search.device === undefined ? 'commands.emptyHelp' : 'commands.noneHelp')}
					</Notice>
				) : (
					<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
						<thead>
							<tr>
								<th scope="col">{t('commands.device')}</th>
								<th scope="col">{t('commands.text')}</th>
								<th scope="col">{t('commands.status')}</th>
								<th scope="col">{t('commands.attempts')}</th>
								<th scope="col">{t('commands.by')}</th>
								<th scope="col">{t('commands.when')}</th>
								<th scope="col">
									<span className="unseen">{t('commands.cancel')}</span>
								</th>
							</tr>
						</thead>
						<tbody>
							{rows.map((c) => (
								<Row key={c.id} command={c} maySend={maySend} onCancel={() => setCancelling(c)} />
							))}
						</tbody>
					</table>
				)}
			</section>
			{id === undefined && all.hasNextPage && (
				<div className={page.more}>
					<Button isDisabled={all.isFetchingNextPage} onPress={() => void all.fetchNextPage()}>
						{t('loadMore')}
					</Button>
				</div>
			)}
			{cancelling !== null && <CancelDialog command={cancelling} onClose={() => setCancelling(null)} />}
		</div>
	);
}

function Row({ command: c, maySend, onCancel }: { command: Command; maySend: boolean; onCancel: () => void }) {
	const { t } = useTranslation();
	const answer = c.response ?? c.error;
	return (
		<tr>
			<td>
				{c.device === null ? (
					<span className={page.mono}>{c.imei}</span>
				) : (
					<Link to="/" search={{ device: c.device }} className={`${css.device ?? ''} ${page.touch ?? ''}`}>
						{c.deviceName ?? c.imei}
					</Link>
				)}
			</td>
			<td data-wide className={css.what}>
				<code className={css.text} data-hidden={c.text === null}>
					{c.text ?? t('device.hidden')}
				</code>
				{answer !== null && (
					<span className={css.answer} data-bad={c.response === null}>
						{c.response ?? <FromServer>{answer}</FromServer>}
					</span>
				)}
			</td>
			<td className={css.status}>
				<CommandChip command={c} />
				<Course command={c} />
			</td>
			<td data-name={t('commands.attempts')} className={css.attempts}>
				{c.maxAttempts === null ? c.attempts : t('commands.attempt', { n: c.attempts, max: c.maxAttempts })}
			</td>
			<td className={css.by}>{c.createdBy}</td>
			<td className={css.when}>
				<At at={c.createdAt} />
			</td>
			<td className={css.end}>
				{maySend && c.status === 'pending' && (
					<IconButton icon="close" label={t('commands.cancel')} onPress={onCancel} />
				)}
			</td>
		</tr>
	);
}

/** What will happen next with it, or how long its answer took. */
function Course({ command: c }: { command: Command }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const span = useSpan();
	const time = (at: string) => shortTime(Date.parse(at), locale);
	const said: string[] = [];
	if (c.status === 'pending' && c.nextRetryAt !== null && c.attempts > 0)
		said.push(t('commands.nextTry', { time: time(c.nextRetryAt) }));
	else if (c.status === 'pending') said.push(t('commands.pendingHelp'));
	if (c.status === 'sent') said.push(t('commands.sentHelp'));
	if (c.status === 'acked' && c.sentAt !== null && c.respondedAt !== null)
		said.push(t('commands.after', { span: span((Date.parse(c.respondedAt) - Date.parse(c.sentAt)) / 1000) }));
	if ((c.status === 'pending' || c.status === 'sent') && c.expiresAt !== null)
		said.push(t('commands.expires', { time: time(c.expiresAt) }));
	return said.map((text) => (
		<span key={text} className={css.note}>
			{text}
		</span>
	));
}

function CancelDialog({ command, onClose }: { command: Command; onClose: () => void }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const cancel = useMutation({
		mutationFn: () => request('POST', `/commands/${command.id}/cancel`),
		onSuccess: onClose,
		onSettled: () => queries.invalidateQueries({ queryKey: ['commands'] }),
	});
	return (
		<Dialog title={t('commands.cancelTitle')} isOpen onClose={onClose}>
			<div className={page.form}>
				<p>
					<code className={css.text}>{command.text ?? t('device.hidden')}</code> → {command.deviceName ?? command.imei}
				</p>
				<p className={page.soft}>{t('commands.cancelHelp')}</p>
				<Problem error={cancel.error} />
				<div className={page.buttons}>
					<Button onPress={onClose}>{t('commands.keep')}</Button>
					<Button kind="danger" isDisabled={cancel.isPending} onPress={() => cancel.mutate()}>
						{t('commands.cancelDo')}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}
