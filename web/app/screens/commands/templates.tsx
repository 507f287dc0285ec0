/** Templates: the commands that operators may send. All who send see those that they may use; administrators make them. */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { rank } from '../../../shared/permissions.ts';
import { templatesQuery, type Template } from '../../api/queries.ts';
import { useMe } from '../../shell/shell.tsx';
import { Button, buttonClass } from '../../ui/controls.tsx';
import { Broken, Forbidden, Loading, Notice } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { CommandTabs } from './tabs.tsx';
import { TemplateDialog } from './template_dialog.tsx';
import css from './templates.module.css';

const route = getRouteApi('/commands/templates');

export function TemplatesScreen() {
	const { t } = useTranslation();
	const { edit, add } = route.useSearch();
	const navigate = route.useNavigate();
	const me = useMe();
	const maySend = me !== undefined && rank(me.highest) >= rank('operator');
	const mayEdit = me?.highest === 'admin';
	useTitle(t('templates.title'));
	if (me === undefined) return <Loading />;
	if (!maySend) return <Forbidden />;
	const show = (id: string | undefined) => void navigate({ search: id === undefined ? {} : { edit: id } });
	const make = () => void navigate({ search: { add: true } });
	return (
		<div className={page.page}>
			<header className={page.head}>
				<h1 className={page.title}>{t('commands.title')}</h1>
				<span className={page.grow} />
				{mayEdit && (
					<Button kind="primary" icon="plus" onPress={make}>
						{t('templates.add')}
					</Button>
				)}
			</header>
			<CommandTabs />
			<List mayEdit={mayEdit} onEdit={show} />
			{mayEdit && (edit !== undefined || add === true) && (
				<TemplateDialog key={edit} template={edit ?? null} onClose={() => show(undefined)} />
			)}
		</div>
	);
}

function List({ mayEdit, onEdit }: { mayEdit: boolean; onEdit: (id: string) => void }) {
	const { t } = useTranslation();
	const templates = useQuery(templatesQuery);
	if (templates.data === undefined)
		return (
			<section className={page.card}>
				{templates.isError ? (
					<Broken error={templates.error} retry={() => void templates.refetch()} />
				) : (
					<Loading lines={8} />
				)}
			</section>
		);
	if (templates.data.length === 0)
		return (
			<section className={page.card}>
				<Notice icon="commands" title={t('templates.emptyTitle')}>
					{t(mayEdit ? 'templates.emptyHelp' : 'templates.emptyAsk')}
				</Notice>
			</section>
		);
	return (
		<section className={page.card}>
			<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
				<thead>
					<tr>
						<th scope="col">{t('templates.name')}</th>
						<th scope="col">{t('templates.text')}</th>
						<th scope="col">{t('templates.role')}</th>
						<th scope="col">
							<span className="unseen">{t('commands.send')}</span>
						</th>
					</tr>
				</thead>
				<tbody>
					{templates.data.map((x) => (
						<Row key={x.id} template={x} onEdit={mayEdit ? () => onEdit(x.id) : undefined} />
					))}
				</tbody>
			</table>
		</section>
	);
}

function Row({ template: x, onEdit }: { template: Template; onEdit: (() => void) | undefined }) {
	const { t } = useTranslation();
	return (
		<tr>
			<td className={css.name}>
				{onEdit === undefined ? (
					<strong>{x.name}</strong>
				) : (
					<button
						type="button"
						className={`${css.edit ?? ''} ${page.touch ?? ''}`}
						aria-label={t('templates.edit', { name: x.name })}
						onClick={onEdit}
					>
						{x.name}
					</button>
				)}{' '}
				{x.dangerous && <Chip tone="danger">{t('send.dangerous')}</Chip>}
				{x.description !== '' && <span className={css.help}>{x.description}</span>}
			</td>
			<td data-wide className={css.order}>
				<code className={css.text}>{x.text}</code>
				{x.parameters.length > 0 && (
					<span className={css.help}>
						{t('templates.asks', { what: x.parameters.map((p) => p.label ?? p.name).join(', ') })}
					</span>
				)}
			</td>
			<td className={css.role}>{t(`templates.from.${x.role === 'viewer' ? 'operator' : x.role}`)}</td>
			<td className={css.send}>
				<Link
					to="/commands/send"
					search={{ template: x.id }}
					className={buttonClass()}
					aria-label={t('templates.send', { name: x.name })}
				>
					{t('templates.sendShort')}
				</Link>
			</td>
		</tr>
	);
}
