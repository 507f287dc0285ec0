/**
 * Send a command to one or many: whom, what, a preview of who gets what, then off. Dangerous templates ask for their name,
 * typed. The address holds whom and which template, so "send to these" is a link.
 */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../../api/client.ts';
import {
	deviceSearchQuery,
	templatesQuery,
	type BulkResult,
	type Device,
	type Page,
	type Template,
} from '../../api/queries.ts';
import { get } from '../../api/client.ts';
import { titleOf } from '../../live/names.ts';
import { useAtLeast } from '../../shell/shell.tsx';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Broken, Loading, Notice, Problem } from '../../ui/states.tsx';
import { StateMark } from '../../ui/state_mark.tsx';
import { Chip } from '../../ui/text.tsx';
import { Ago } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';
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

	if (done !== null)
		return (
			<Notice
				icon="check"
				title={t('send.doneTitle')}
				action={
					<div className={page.buttons}>
						<Button onPress={() => setDone(null)}>{t('send.another')}</Button>
						<Link
							to="/commands"
							search={ids.length === 1 && ids[0] !== undefined ? { device: ids[0] } : {}}
							className={page.action}
							data-primary="true"
						>
							{t('send.ledger')}
						</Link>
					</div>
				}
			>
				{t('send.done', { count: done.queued })}
			</Notice>
		);

	return (
		<div className={page.page}>
			<header className={page.head}>
				<Link to="/commands" className={css.back} aria-label={t('back')}>
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
						{templates.data.length === 0 && !mayFree && <p className={page.soft}>{t('send.noTemplates')}</p>}
						<div className={css.templates} role="radiogroup" aria-label={t('send.what')}>
							{templates.data.map((x) => (
								<TemplateCard key={x.id} template={x} chosen={x.id === search.template} onChoose={() => choose(x.id)} />
							))}
							{mayFree && (
								<label className={css.template} data-chosen={search.template === FREE}>
									<input
										type="radio"
										name="template"
										checked={search.template === FREE}
										onChange={() => choose(FREE)}
									/>
									<span className={css.templateName}>{t('send.free')}</span>
									<span className={css.templateHelp}>{t('send.freeHelp')}</span>
								</label>
							)}
						</div>
						{template !== undefined && template.parameters.length > 0 && (
							<div className={css.parameters}>
								{template.parameters.map((p) => {
									const value = parameters[p.name] ?? '';
									const set = (to: string) => setParameters({ ...parameters, [p.name]: to });
									return p.type === 'choice' ? (
										<Select
											key={p.name}
											label={p.label ?? p.name}
											value={value}
											options={(p.choices ?? []).map((c) => ({ id: c, label: c }))}
											onChange={set}
										/>
									) : (
										<TextField
											key={p.name}
											label={p.label ?? p.name}
											value={value}
											onChange={set}
											inputMode={p.type === 'number' ? 'decimal' : 'text'}
											hint={p.min !== undefined && p.max !== undefined ? `${p.min} – ${p.max}` : undefined}
										/>
									);
								})}
							</div>
						)}
						{search.template === FREE && mayFree && (
							<div className={css.parameters}>
								<TextField
									label={t('send.text')}
									value={text}
									onChange={setText}
									mono
									autoComplete="off"
									spellCheck="false"
								/>
							</div>
						)}
					</section>
				</div>
				{/* Another order is another form: its key, its confirmation. */}
				<Preview key={JSON.stringify(body)} body={body} template={template} onDone={setDone} />
			</div>
		</div>
	);
}

function TemplateCard({ template, chosen, onChoose }: { template: Template; chosen: boolean; onChoose: () => void }) {
	const { t } = useTranslation();
	return (
		<label className={css.template} data-chosen={chosen}>
			<input type="radio" name="template" checked={chosen} onChange={onChoose} />
			<span className={css.templateName}>
				{template.name} {template.dangerous && <Chip tone="danger">{t('send.dangerous')}</Chip>}
			</span>
			<span className={css.templateHelp}>{template.description}</span>
			<code className={css.templateText}>{template.text}</code>
		</label>
	);
}

function Recipients({ ids, onChange }: { ids: string[]; onChange: (ids: string[]) => void }) {
	const { t } = useTranslation();
	const [typed, setTyped] = useState('');
	const chosen = useQuery({
		queryKey: ['device', 'ids', ids.join()],
		queryFn: ({ signal }) => get<Page<Device>>('/devices', { ids: ids.slice(0, 100).join(','), limit: 100 }, signal),
		enabled: ids.length > 0,
		placeholderData: keepPreviousData,
		select: (p) => new Map(p.items.map((d) => [d.id, d])),
	});
	const found = useQuery({ ...deviceSearchQuery(typed), enabled: typed.trim() !== '' });
	const offered = typed.trim() === '' ? [] : (found.data ?? []).filter((d) => !ids.includes(d.id));
	return (
		<div className={page.form}>
			{ids.length > 0 && (
				<ul className={css.chips}>
					{ids.slice(0, 60).map((id) => {
						const d = chosen.data?.get(id);
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
				placeholder={t('search.placeholder')}
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

function Preview({
	body,
	template,
	onDone,
}: {
	body: Body | null;
	template: Template | undefined;
	onDone: (result: BulkResult) => void;
}) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const [typed, setTyped] = useState('');
	// One key for one order: sent twice by accident, it counts once.
	const [key] = useState(() => crypto.randomUUID());
	const preview = useQuery({
		queryKey: ['command-preview', body],
		queryFn: ({ signal }) => request<BulkResult>('POST', '/commands', { body: { ...body, dryRun: true }, signal }),
		enabled: body !== null,
		retry: false,
		staleTime: 0,
		refetchInterval: 15_000,
	});
	const send = useMutation({
		mutationFn: () =>
			request<BulkResult>('POST', '/commands', {
				body: { ...body, ...(template?.dangerous === true ? { confirm: typed } : {}) },
				headers: { 'idempotency-key': key },
			}),
		onSuccess: (result) => {
			void queries.invalidateQueries({ queryKey: ['commands'] });
			onDone(result);
		},
	});
	const items = preview.data?.items ?? [];
	const going = items.filter((i) => i.outcome !== 'refused').length;
	const confirmed = template?.dangerous !== true || typed === template.name;
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
			{body === null ? (
				<p className={css.empty}>{t('send.nobody')}</p>
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
										<td data-moving={(i.speed ?? 0) >= 5}>
											{i.speed === null ? '' : t('fleet.speed', { speed: i.speed })}
										</td>
										<td>
											<Ago at={i.fixAt === null ? null : Date.parse(i.fixAt)} />
										</td>
										<td>
											{i.outcome === 'refused' ? (
												<span className={css.refused}>{i.reason}</span>
											) : (
												t(`send.${i.outcome}`)
											)}
										</td>
									</tr>
								))}
							</tbody>
						</table>
					</div>
					<div className={css.padded}>
						{template?.dangerous === true && (
							<div className={css.fence}>
								<p>
									<Icon name="warning" size={16} /> {t('send.dangerousHelp')}
								</p>
								<TextField
									label={t('send.confirm', { name: template.name })}
									value={typed}
									onChange={setTyped}
									autoComplete="off"
								/>
							</div>
						)}
						<Problem error={send.error} />
						<Button
							kind={template?.dangerous === true ? 'danger' : 'primary'}
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
