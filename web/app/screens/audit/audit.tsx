/** The audit log: who did what, when, from where. Newest first; the filter stands in the address. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { url } from '../../api/client.ts';
import { auditQuery, usersQuery, type AuditEntry, type AuditFilter } from '../../api/queries.ts';
import { addDays, midnight } from '../../i18n/zone.ts';
import { useOwn } from '../../i18n/own.ts';
import { AdminTabs } from '../people/admin_tabs.tsx';
import type { AuditSearch } from '../../router.tsx';
import { useAtRoot, useMe } from '../../shell/shell.tsx';
import { Button, buttonClass, Select, TextField } from '../../ui/controls.tsx';
import { FromServer } from '../../ui/from_server.tsx';
import { Broken, Forbidden, Loading, Notice } from '../../ui/states.tsx';
import { At } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { detailLines, kinds, useActionWords } from './words.ts';
import css from './audit.module.css';

const route = getRouteApi('/audit');

export function AuditScreen() {
	const { t } = useTranslation();
	const me = useMe();
	const may = useAtRoot('admin');
	useTitle(t('audit.title'));
	if (me === undefined) return <Loading lines={10} />;
	if (!may) return <Forbidden />;
	return (
		<div className={page.page}>
			<header>
				<h1 className={page.title}>{t('audit.title')}</h1>
				<p className={page.soft}>{t('audit.help')}</p>
			</header>
			<AdminTabs here="audit" />
			<Filters />
			<SaveLink />
			<Entries />
		</div>
	);
}

function Filters() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const users = useQuery(usersQuery).data ?? [];
	const set = (change: AuditSearch) =>
		void navigate({
			search: (before) =>
				Object.fromEntries(Object.entries<string>({ ...before, ...change }).filter(([, v]) => v !== '')),
			replace: true,
		});
	const known = users.map((u) => ({ id: u.id, label: u.name, note: u.name === u.login ? undefined : u.login }));
	// Who was deleted has no name any more.
	const gone =
		search.user === undefined || users.some((u) => u.id === search.user)
			? []
			: [{ id: search.user, label: search.user }];
	return (
		<div className={css.filters} role="group" aria-label={t('fleet.filters')}>
			<Select
				label={t('audit.who')}
				value={search.user ?? ''}
				options={[{ id: '', label: t('audit.everybody') }, ...known, ...gone]}
				onChange={(user) => set({ user })}
			/>
			<Select
				label={t('audit.what')}
				value={search.action ?? ''}
				options={[
					{ id: '', label: t('audit.everything') },
					...Object.entries(kinds).map(([id, key]) => ({ id, label: t(`audit.kind.${key}`) })),
				]}
				onChange={(action) => set({ action })}
			/>
			<TextField label={t('audit.from')} type="date" value={search.from ?? ''} onChange={(from) => set({ from })} />
			<TextField label={t('audit.to')} type="date" value={search.to ?? ''} onChange={(to) => set({ to })} />
			<ObjectField key={search.object ?? ''} value={search.object ?? ''} onChange={(object) => set({ object })} />
		</div>
	);
}

/** Asks when one is done typing. */
function ObjectField({ value, onChange }: { value: string; onChange: (object: string) => void }) {
	const { t } = useTranslation();
	const [text, setText] = useState(value);
	const done = () => text.trim() !== value && onChange(text.trim());
	return (
		<TextField
			label={t('audit.object')}
			example="device:17"
			value={text}
			onChange={setText}
			onBlur={done}
			onKeyDown={(event) => event.key === 'Enter' && done()}
			autoComplete="off"
			mono
		/>
	);
}

function useFilter(): AuditFilter {
	const search = route.useSearch();
	// Its days are those of the user's zone.
	useOwn();
	return {
		user: search.user,
		action: search.action,
		object: search.object,
		from: search.from === undefined ? undefined : new Date(midnight(search.from)).toISOString(),
		to: search.to === undefined ? undefined : new Date(midnight(addDays(search.to, 1))).toISOString(),
	};
}

/** All that passes the filter, as a file: a link, so that the browser saves what comes while it comes. */
function SaveLink() {
	const { t } = useTranslation();
	const filter = useFilter();
	return (
		<p className={css.save}>
			<a href={url('/audit/export', { ...filter })} download="" className={buttonClass()}>
				{t('audit.save')}
			</a>
		</p>
	);
}

function Entries() {
	const { t } = useTranslation();
	const log = useInfiniteQuery(auditQuery(useFilter()));
	const rows = log.data?.pages.flatMap((p) => p.items) ?? [];
	return (
		<>
			<section className={page.card}>
				{log.isError && rows.length === 0 ? (
					<Broken error={log.error} retry={() => void log.refetch()} />
				) : log.isPending ? (
					<Loading lines={10} />
				) : rows.length === 0 ? (
					<Notice icon="list" title={t('audit.emptyTitle')}>
						{t('audit.emptyHelp')}
					</Notice>
				) : (
					<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
						<thead>
							<tr>
								<th scope="col">{t('audit.when')}</th>
								<th scope="col">{t('audit.who')}</th>
								<th scope="col">{t('audit.what')}</th>
								<th scope="col">{t('audit.object')}</th>
								<th scope="col">{t('audit.detail')}</th>
								<th scope="col">{t('audit.address')}</th>
							</tr>
						</thead>
						<tbody>
							{rows.map((entry) => (
								<Row key={entry.id} entry={entry} />
							))}
						</tbody>
					</table>
				)}
			</section>
			{log.hasNextPage && (
				<div className={page.more}>
					<Button isDisabled={log.isFetchingNextPage} onPress={() => void log.fetchNextPage()}>
						{t('loadMore')}
					</Button>
				</div>
			)}
		</>
	);
}

function Row({ entry }: { entry: AuditEntry }) {
	const { t } = useTranslation();
	const words = useActionWords();
	const action = words(entry.action);
	const lines = detailLines(entry.detail);
	return (
		<tr>
			<td className={css.when}>
				<At at={entry.at} />
			</td>
			<td className={css.who}>{entry.login ?? t('audit.nobody')}</td>
			<td data-wide>{action ?? <code className={page.mono}>{entry.action}</code>}</td>
			<td className={css.object}>
				<ObjectLink object={entry.object} />
			</td>
			<td data-wide className={css.detail}>
				{lines.length > 0 && <FromServer>{lines.join(' · ')}</FromServer>}
			</td>
			<td className={`${page.mono ?? ''} ${css.address ?? ''}`}>{entry.address}</td>
		</tr>
	);
}

/** Leads to what else stands in the log about it. */
function ObjectLink({ object }: { object: string | null }) {
	const { t } = useTranslation();
	if (object === null) return null;
	return (
		<Link
			to="/audit"
			search={(before) => ({ ...before, object })}
			className={`${page.mono ?? ''} ${page.touch ?? ''}`}
			title={t('audit.only', { object })}
		>
			<code>{object}</code>
		</Link>
	);
}
