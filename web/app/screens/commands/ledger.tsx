/** The ledger of commands, live: what waits, what failed and may have run, what was answered. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { request } from '../../api/client.ts';
import { commandsQuery, deviceQuery, type Command, type CommandStatus } from '../../api/queries.ts';
import { titleOf } from '../../live/names.ts';
import { useAtLeast } from '../../shell/shell.tsx';
import { Button, IconButton } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Broken, Loading, Notice, Problem } from '../../ui/states.tsx';
import { At } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';
import { CommandChip } from './status.tsx';
import css from './ledger.module.css';

const route = getRouteApi('/commands');
const statuses: readonly CommandStatus[] = ['pending', 'sent', 'acked', 'failed', 'expired', 'cancelled'];

export function CommandsScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const maySend = useAtLeast('operator');
	const commands = useInfiniteQuery(commandsQuery({ status: search.status, device: search.device }));
	const only = useQuery({ ...deviceQuery(search.device ?? ''), enabled: search.device !== undefined }).data;
	const [cancelling, setCancelling] = useState<Command | null>(null);
	const rows = commands.data?.pages.flatMap((p) => p.items) ?? [];
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
					<Link to="/commands" search={({ device: _old, ...rest }) => rest} className={css.only}>
						{t('commands.forDevice', { name: only === undefined ? '…' : titleOf(only) })} ×
					</Link>
				)}
				<span className={page.grow} />
				{maySend && (
					<Link
						to="/commands/send"
						search={search.device === undefined ? {} : { to: search.device }}
						className={page.action}
						data-primary="true"
					>
						{t('commands.send')}
					</Link>
				)}
			</header>
			<div className={page.pills} role="group" aria-label={t('commands.status')}>
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
			<section className={page.card}>
				{commands.isError && rows.length === 0 ? (
					<Broken error={commands.error} retry={() => void commands.refetch()} />
				) : commands.isPending ? (
					<Loading lines={10} />
				) : rows.length === 0 ? (
					<Notice icon="commands" title={t('commands.emptyTitle')}>
						{t('commands.emptyHelp')}
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
									<span className={css.hidden}>{t('commands.cancel')}</span>
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
			{commands.hasNextPage && (
				<div className={css.more}>
					<Button isDisabled={commands.isFetchingNextPage} onPress={() => void commands.fetchNextPage()}>
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
	const locale = useLocale();
	const answer = c.response ?? c.error;
	return (
		<tr>
			<td>
				{c.device === null ? (
					<span className={page.mono}>{c.imei}</span>
				) : (
					<Link to="/" search={{ device: c.device }} className={css.device}>
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
						{answer}
					</span>
				)}
			</td>
			<td className={css.status}>
				<CommandChip command={c} />
				{c.status === 'pending' && <span className={css.note}>{t('commands.pendingHelp')}</span>}
				{c.status === 'sent' && <span className={css.note}>{t('commands.sentHelp')}</span>}
			</td>
			<td data-hide>
				{c.maxAttempts === null ? c.attempts : t('commands.attempt', { n: c.attempts, max: c.maxAttempts })}
			</td>
			<td data-hide>{c.createdBy}</td>
			<td className={css.when}>
				<At at={c.createdAt} />
				{(c.status === 'pending' || c.status === 'sent') && c.expiresAt !== null && (
					<span className={css.note}>
						{t('commands.expires', {
							time: new Date(c.expiresAt).toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' }),
						})}
					</span>
				)}
			</td>
			<td>
				{maySend && c.status === 'pending' && (
					<IconButton icon="close" label={t('commands.cancel')} onPress={onCancel} />
				)}
			</td>
		</tr>
	);
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
