/** Many devices from a CSV file: first what would become of each line, then all of it at once, or nothing. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import { ApiProblem, request } from '../../api/client.ts';
import { groupsQuery, type Group } from '../../api/queries.ts';
import type { ImportResult } from '../../../shared/operations.ts';
import { useAtLeast, useMe } from '../../shell/shell.tsx';
import { Button, buttonClass, Checkbox, Select } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Loading, Notice, Problem } from '../../ui/states.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { useDevicesChanged } from './changed.ts';
import { FileField, type Chosen } from './import_file.tsx';
import { ImportLines } from './import_lines.tsx';
import { useDeviceRights } from './rights.ts';
import css from './import.module.css';

export type Result = z.infer<typeof ImportResult>;

interface Order {
	file: Chosen;
	/** For lines that name none; empty: none. */
	group: string;
	dryRun: boolean;
	skipWrong: boolean;
	signal?: AbortSignal;
}

function send({ file, group, dryRun, skipWrong, signal }: Order): Promise<Result> {
	return request<Result>('POST', '/devices/import', {
		query: { dryRun, skipWrong, group },
		file: { type: 'text/csv', content: file.content },
		asksOnly: dryRun,
		...(signal === undefined ? {} : { signal }),
	});
}

const noGroups: readonly Group[] = [];

export function ImportScreen() {
	const { t } = useTranslation();
	const me = useMe();
	const may = useAtLeast('installer');
	useTitle(t('import.title'));
	if (me === undefined) return <Loading lines={8} />;
	if (!may)
		return (
			<Notice icon="key" title={t('broken.forbidden')}>
				{t('broken.forbiddenHelp')}
			</Notice>
		);
	return (
		<div className={page.page}>
			<header className={page.head}>
				<Link to="/devices" className={page.back} aria-label={t('back')}>
					<Icon name="back" />
				</Link>
				<h1 className={page.title}>{t('import.title')}</h1>
			</header>
			<Import />
		</div>
	);
}

function Import() {
	const { t } = useTranslation();
	const changed = useDevicesChanged();
	const groups = useQuery(groupsQuery).data ?? noGroups;
	const { places } = useDeviceRights(groups);
	const [file, setFile] = useState<Chosen | null>(null);
	const [wanted, setWanted] = useState<string | null>(null);
	const [skipWrong, setSkipWrong] = useState(false);
	const group = wanted ?? places[0]?.id ?? '';
	const look = useMutation({ mutationFn: send });
	/** Ends the dry run that is going on: the server takes one import at a time. */
	const asking = useRef<AbortController | null>(null);
	useEffect(() => () => asking.current?.abort(), []);
	const apply = useMutation({ mutationFn: send, onSuccess: changed });
	/** Anew, whatever was said of another file or group. */
	const check = (next: Chosen, into: string) => {
		setFile(next);
		setSkipWrong(false);
		apply.reset();
		asking.current?.abort();
		asking.current = new AbortController();
		look.mutate({ file: next, group: into, dryRun: true, skipWrong: false, signal: asking.current.signal });
	};
	const done = apply.data;
	if (done?.applied === true)
		return (
			<Done
				result={done}
				onAgain={() => {
					setFile(null);
					look.reset();
					apply.reset();
				}}
			/>
		);
	const plan = done ?? look.data;
	const devices = plan === undefined ? 0 : plan.create + plan.update;
	return (
		<>
			<FileField file={file} onChoose={(next) => check(next, group)} />
			<section className={`${page.card} ${page.pad}`}>
				<div className={css.group}>
					<Select
						label={t('import.group')}
						value={group}
						options={places}
						onChange={(id) => {
							setWanted(id);
							if (file !== null) check(file, id);
						}}
					/>
				</div>
			</section>
			<Unreadable error={look.error ?? apply.error} />
			{file !== null && look.error !== null && saidOf(look.error).length === 0 && (
				<div>
					<Button onPress={() => check(file, group)}>{t('tryAgain')}</Button>
				</div>
			)}
			{look.isPending && (
				<section className={page.card}>
					<Loading lines={6} />
				</section>
			)}
			{plan !== undefined && file !== null && !look.isPending && look.error === null && (
				<>
					<ImportLines result={plan} />
					<div className={css.foot}>
						{plan.wrong > 0 && (
							<Checkbox isSelected={skipWrong} onChange={setSkipWrong}>
								{t('import.skip', { count: plan.wrong })}
							</Checkbox>
						)}
						<span className={page.grow} />
						<Button
							kind="primary"
							isDisabled={devices === 0 || apply.isPending || (plan.wrong > 0 && !skipWrong)}
							onPress={() => apply.mutate({ file, group, dryRun: false, skipWrong })}
						>
							{apply.isPending ? t('import.doing') : t('import.do', { count: devices })}
						</Button>
					</div>
				</>
			)}
		</>
	);
}

/** What is wrong with which part of the file. */
function saidOf(error: Error | null): [string, string][] {
	return error instanceof ApiProblem ? [...error.fields] : [];
}

/** The file as a whole can't be taken: what is wrong, and where. */
function Unreadable({ error }: { error: Error | null }) {
	const said = saidOf(error);
	if (said.length === 0) return <Problem error={error} />;
	return (
		<p className={css.wrong} role="alert" lang="en">
			<Icon name="warning" size={16} /> {said.map(([where, what]) => `${where}: ${what}`).join('. ')}
		</p>
	);
}

function Done({ result, onAgain }: { result: Result; onAgain: () => void }) {
	const { t } = useTranslation();
	return (
		<section className={page.card}>
			<Notice
				icon="check"
				title={t('import.done')}
				action={
					<div className={css.after}>
						<Link to="/devices" className={buttonClass('primary')}>
							{t('import.toDevices')}
						</Link>
						<Button onPress={onAgain}>{t('import.another')}</Button>
					</div>
				}
			>
				<p role="status">
					{[
						t('import.created', { count: result.create }),
						t('import.updated', { count: result.update }),
						...(result.same > 0 ? [t('import.unchanged', { count: result.same })] : []),
						...(result.wrong > 0 ? [t('import.leftOut', { count: result.wrong })] : []),
					].join(' · ')}
				</p>
			</Notice>
		</section>
	);
}
