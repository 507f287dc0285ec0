/**
 * Send a command to one or many: whom, what, a preview of who gets what, then off. Dangerous templates ask for their name,
 * typed, and free text for its first word. The address holds whom and which template, so "send to these" is a link.
 */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request, Unanswered } from '../../api/client.ts';
import {
	deviceSearchQuery,
	templatesQuery,
	type BulkResult,
	type Device,
	type Page,
	type Template,
} from '../../api/queries.ts';
import { get } from '../../api/client.ts';
import { firstWord } from '../../../shared/text.ts';
import { useMeasures } from '../../i18n/measures.ts';
import { useLive } from '../../live/context.tsx';
import { titleOf } from '../../live/names.ts';
import { useAtLeast } from '../../shell/shell.tsx';
import { Button, buttonClass, TextField } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Reason } from '../../ui/refusal.tsx';
import { Alert, Broken, Loading, Notice, Problem } from '../../ui/states.tsx';
import { StateMark } from '../../ui/state_mark.tsx';
import { Chip } from '../../ui/text.tsx';
import { Ago } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { Parameters } from './parameters.tsx';
import css from './send.module.css';

const route = getRouteApi('/commands/send');
const FREE = 'free';

interface Body {
	devices: string[];
	template?: string;
	parameters?: Record<string, string>;
	text?: string;
}

export function SendScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const templates = useQuery(templatesQuery);
	const mayFree = useAtLeast('installer');
	const mayMake = useAtLeast('admin');
	const ids = (search.to ?? '').split(',').filter((id) => /^[1-9]\d*$/.test(id));
	const setIds = (to: string[]) =>
		void navigate({
			replace: true,
			search: ({ to: _old, ...rest }) => (to.length === 0 ? rest : { ...rest, to: to.join(',') }),
		});
	const template = templates.data?.find((x) => x.id === search.template);
	const [parameters, setParameters] = useState<Record<string, string>>({});
	const [text, setText] = useState('');
	const [done, setDone] = useState<BulkResult | null>(null);
	// Of any order from here: it stays said while another one is put together.
	const [unanswered, setUnanswered] = useState(false);
	useTitle(t('send.title'));

	if (templates.isError) return <Broken error={templates.error} retry={() => void templates.refetch()} />;
	if (templates.data === undefined) return <Loading lines={10} />;

	const choose = (id: string) => {
		setParameters({});
		void navigate({ replace: true, search: (before) => ({ ...before, template: id }) });
	};
	const complete =
		template !== undefined
			? template.parameters.every((p) => (parameters[p.name] ?? '') !== '')
			: search.template === FREE && text.trim() !== '';
	const body: Body | null =
		ids.length === 0 || !complete
			? null
			: template !== undefined
				? { devices: ids, template: template.id, ...(template.parameters.length > 0 ? { parameters } : {}) }
				: { devices: ids, text: text.trim() };

	if (done !== null) return <Done result={done} ids={ids} onAnother={() => setDone(null)} />;

	return (
		<div className={page.page}>
			<header className={page.head}>
				<Link to="/commands" className={page.back} aria-label={t('back')}>
					<Icon name="back" />
				</Link>
				<h1 className={page.title}>{t('send.title')}</h1>
			</header>
			<div className={css.columns}>
				<div className={css.form}>
					<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
						<h2 className={page.section}>{t('send.to')}</h2>
						<Recipients ids={ids} onChange={setIds} />
					</section>
					<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
						<h2 className={page.section}>{t('send.what')}</h2>
						{templates.data.length === 0 && (
							<p className={page.soft}>
								{t('send.noTemplates')} {t(mayMake ? 'templates.emptyHelp' : 'templates.emptyAsk')}{' '}
								{mayMake && (
									<Link to="/commands/templates" search={{ add: true }}>
										{t('templates.add')}
									</Link>
								)}
							</p>
						)}
						<div className={css.templates} role="radiogroup" aria-label={t('send.what')}>
							{templates.data.map((x) => (
								<Choice
									key={x.id}
									name={x.name}
									help={x.description}
									text={x.text}
									dangerous={x.dangerous}
									chosen={x.id === search.template}
									onChoose={() => choose(x.id)}
								>
									{x.parameters.length > 0 && (
										<Parameters parameters={x.parameters} values={parameters} onChange={setParameters} />
									)}
								</Choice>
							))}
							{mayFree && (
								<Choice
									name={t('send.free')}
									help={t('send.freeHelp')}
									chosen={search.template === FREE}
									onChoose={() => choose(FREE)}
								>
									<div className={css.whole}>
										<TextField
											label={t('send.text')}
											value={text}
											onChange={setText}
											mono
											autoComplete="off"
											spellCheck="false"
										/>
									</div>
								</Choice>
							)}
						</div>
					</section>
				</div>
				{/* Another order is another form: its key, its confirmation. */}
				<Preview
					key={JSON.stringify(body)}
					body={body}
					missing={
						ids.length === 0
							? 'send.nobody'
							: template === undefined && search.template !== FREE
								? 'send.nothing'
								: 'send.incomplete'
					}
					template={template}
					unanswered={unanswered}
					onUnanswered={() => setUnanswered(true)}
					onDone={(result) => {
						setUnanswered(false);
						setDone(result);
					}}
				/>
			</div>
		</div>
	);
}

/** Those that were refused, by name; all are counted. */
const MOST_NAMED = 20;

/** It is queued: the form has gone, so the focus comes here. */
function Done({ result, ids, onAnother }: { result: BulkResult; ids: string[]; onAnother: () => void }) {
	const { t } = useTranslation();
	const box = useRef<HTMLDivElement>(null);
	useEffect(() => box.current?.focus(), []);
	return (
		<div ref={box} tabIndex={-1} className={css.done}>
			<Notice
				icon={result.queued === 0 ? 'warning' : 'check'}
				title={t(result.queued === 0 ? 'send.noneTitle' : 'send.doneTitle')}
				action={
					<div className={page.buttons}>
						<Button onPress={onAnother}>{t('send.another')}</Button>
						<Link
							to="/commands"
							search={ids.length === 1 && ids[0] !== undefined ? { device: ids[0] } : {}}
							className={buttonClass('primary')}
						>
							{t('send.ledger')}
						</Link>
					</div>
				}
			>
				{result.queued > 0 && t('send.done', { count: result.queued })}
				{result.refused > 0 && <p>{t('send.left', { count: result.refused })}</p>}
				<ul>
					{result.items
						.filter((i) => i.outcome === 'refused')
						.slice(0, MOST_NAMED)
						.map((i) => (
							<li key={i.device}>
								<strong>{i.name ?? i.imei ?? i.device}</strong>: <Reason refusal={i.refusal} />
							</li>
						))}
				</ul>
			</Notice>
		</div>
	);
}

/** One of the things that may be sent; what it still asks for (`children`) shows when it is chosen. */
function Choice({
	name,
	help,
	text,
	dangerous = false,
	chosen,
	onChoose,
	children,
}: {
	name: string;
	help: string;
	text?: string;
	dangerous?: boolean;
	chosen: boolean;
	onChoose: () => void;
	children: ReactNode;
}) {
	const { t } = useTranslation();
	return (
		<div className={css.template} data-chosen={chosen}>
			<label>
				<input type="radio" name="template" checked={chosen} onChange={onChoose} />
				<span className={css.templateName}>
					{name} {dangerous && <Chip tone="danger">{t('send.dangerous')}</Chip>}
				</span>
				{help !== '' && <span className={css.templateHelp}>{help}</span>}
				{text !== undefined && <code className={css.templateText}>{text}</code>}
			</label>
			{chosen && children !== false && <div className={css.parameters}>{children}</div>}
		</div>
	);
}

/** Those that were chosen, as the server knows them. */
function useDevices(ids: string[]): ReadonlyMap<string, Device> | undefined {
	return useQuery({
		queryKey: ['device', 'ids', ids.join()],
		queryFn: ({ signal }) => get<Page<Device>>('/devices', { ids: ids.slice(0, 100).join(','), limit: 100 }, signal),
		enabled: ids.length > 0,
		placeholderData: keepPreviousData,
		refetchInterval: 15_000,
		select: devicesById,
	}).data;
}

const devicesById = (p: Page<Device>) => new Map(p.items.map((d) => [d.id, d]));

function Recipients({ ids, onChange }: { ids: string[]; onChange: (ids: string[]) => void }) {
	const { t } = useTranslation();
	const [typed, setTyped] = useState('');
	const chosen = useDevices(ids);
	const found = useQuery({ ...deviceSearchQuery(typed), enabled: typed.trim() !== '' });
	const offered = typed.trim() === '' ? [] : (found.data ?? []).filter((d) => !ids.includes(d.id));
	return (
		<div className={page.form}>
			{ids.length > 0 && (
				<ul className={css.chips}>
					{ids.slice(0, 60).map((id) => {
						const d = chosen?.get(id);
						const name = d === undefined ? id : titleOf(d);
						return (
							<li key={id} className={css.chip}>
								{d !== undefined && <StateMark state={d.state} size={13} />}
								<span>{name}</span>
								<button
									type="button"
									aria-label={t('send.remove', { name })}
									onClick={() => onChange(ids.filter((x) => x !== id))}
								>
									<Icon name="close" size={12} />
								</button>
							</li>
						);
					})}
					{ids.length > 60 && <li className={css.chip}>+ {ids.length - 60}</li>}
				</ul>
			)}
			<TextField
				label={t('send.pick')}
				example={t('search.example')}
				value={typed}
				onChange={setTyped}
				autoComplete="off"
			/>
			{offered.length > 0 && (
				<ul className={css.offers}>
					{offered.map((d) => (
						<li key={d.id}>
							<button
								type="button"
								className={css.offer}
								onClick={() => {
									onChange([...ids, d.id]);
									setTyped('');
								}}
							>
								<StateMark state={d.state} size={14} />
								<strong>{titleOf(d)}</strong>
								<span className={page.faint}>{d.plate ?? d.imei}</span>
							</button>
						</li>
					))}
				</ul>
			)}
		</div>
	);
}

/** What has to be typed before it goes out, and why; null: nothing. */
function fenceOf(template: Template | undefined, text: string | undefined) {
	if (template?.dangerous === true) return { word: template.name, help: 'send.dangerousHelp' } as const;
	return text === undefined ? null : ({ word: firstWord(text), help: 'send.freeFence' } as const);
}

/** A fix that is older says where it was, not where it is; nor does its speed. */
const OLD_FIX_MS = 120_000;

function Preview({
	body,
	missing,
	template,
	unanswered,
	onUnanswered,
	onDone,
}: {
	/** Null: something is missing. */
	body: Body | null;
	missing: 'send.nobody' | 'send.nothing' | 'send.incomplete';
	template: Template | undefined;
	/** An order has gone out, and nobody knows whether it arrived. */
	unanswered: boolean;
	onUnanswered: () => void;
	onDone: (result: BulkResult) => void;
}) {
	const { t } = useTranslation();
	const measures = useMeasures();
	const queries = useQueryClient();
	const live = useLive();
	const devices = useDevices(body?.devices ?? []);
	const [typed, setTyped] = useState('');
	const fence = fenceOf(template, body?.text);
	// One key for one order: sent twice by accident, it counts once.
	const [key] = useState(() => crypto.randomUUID());
	const preview = useQuery({
		queryKey: ['command-preview', body],
		queryFn: ({ signal }) =>
			request<BulkResult>('POST', '/commands', { body: { ...body, dryRun: true }, signal, asksOnly: true }),
		enabled: body !== null,
		retry: false,
		staleTime: 0,
		refetchInterval: 15_000,
	});
	const send = useMutation({
		mutationFn: () =>
			request<BulkResult>('POST', '/commands', {
				body: { ...body, ...(fence === null ? {} : { confirm: typed }) },
				headers: { 'idempotency-key': key },
			}),
		onSuccess: (result) => {
			void queries.invalidateQueries({ queryKey: ['commands'] });
			onDone(result);
		},
		onError: (error) => error instanceof Unanswered && onUnanswered(),
	});
	const items = preview.data?.items ?? [];
	const going = items.filter((i) => i.outcome !== 'refused').length;
	const confirmed = fence === null || typed === fence.word;
	return (
		<section className={css.preview} aria-label={t('send.preview')}>
			<div className={css.previewHead}>
				<h2 className={page.section}>{t('send.preview')}</h2>
				{preview.data !== undefined && (
					<p className={page.soft} role="status">
						{t('send.willQueue', { count: going })}
						{items.length > going && `, ${t('send.willRefuse', { count: items.length - going })}`}
					</p>
				)}
			</div>
			{unanswered && (
				<div className={css.padded}>
					<Alert>
						{t('send.unanswered')} <Link to="/commands">{t('send.ledger')}</Link>
					</Alert>
				</div>
			)}
			{body === null ? (
				<p className={css.empty}>{t(missing)}</p>
			) : preview.isError ? (
				<div className={css.padded}>
					<Problem error={preview.error} />
				</div>
			) : preview.data === undefined ? (
				<Loading lines={4} />
			) : (
				<>
					<code className={css.order}>{items.find((i) => i.text !== null)?.text}</code>
					<div className={css.rows}>
						<table className={page.table}>
							<thead>
								<tr>
									<th scope="col">{t('commands.device')}</th>
									<th scope="col">{t('send.speed')}</th>
									<th scope="col">{t('send.fixAge')}</th>
									<th scope="col">{t('send.outcome')}</th>
								</tr>
							</thead>
							<tbody>
								{items.map((i) => (
									<tr key={i.device}>
										<td>
											<strong>{i.name ?? i.imei ?? i.device}</strong>
										</td>
										<td data-moving={(i.speed ?? 0) >= 5}>{i.speed === null ? '' : measures.speed(i.speed)}</td>
										<td data-old={i.fixAt === null || live.now() - Date.parse(i.fixAt) > OLD_FIX_MS}>
											<Ago at={i.fixAt === null ? null : Date.parse(i.fixAt)} />
										</td>
										<td>
											{i.outcome === 'refused' ? (
												<span className={css.refused}>
													<Reason refusal={i.refusal} />
												</span>
											) : (
												<>
													{t(`send.${i.outcome}`)}
													{devices?.get(i.device)?.online === false && (
														<span className={css.later}>{t('send.notConnected')}</span>
													)}
												</>
											)}
										</td>
									</tr>
								))}
							</tbody>
						</table>
					</div>
					<div className={css.padded}>
						{fence !== null && (
							<div className={css.fence}>
								<p>
									<Icon name="warning" size={16} /> {t(fence.help)}
								</p>
								<TextField
									label={t('send.confirm', { name: fence.word })}
									value={typed}
									onChange={setTyped}
									autoComplete="off"
								/>
							</div>
						)}
						<Problem error={send.error instanceof Unanswered ? null : send.error} />
						<Button
							kind={fence === null ? 'primary' : 'danger'}
							isDisabled={going === 0 || !confirmed || send.isPending}
							onPress={() => send.mutate()}
						>
							{t('send.do', { count: going })}
						</Button>
					</div>
				</>
			)}
		</section>
	);
}
