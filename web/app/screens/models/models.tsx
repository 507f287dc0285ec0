/** What the dictionary knows of a family of models: each element with its name, its unit and what its values mean. */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { familiesQuery, ownModelsQuery, type Family, type Model } from '../../api/dictionary.ts';
import { Select } from '../../ui/controls.tsx';
import { Broken, Loading, Notice } from '../../ui/states.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import panes from '../../ui/panes.module.css';
import { InventoryHead } from '../devices/tabs.tsx';
import { Elements } from './elements.tsx';
import css from './models.module.css';

const route = getRouteApi('/models');

/** A model as its family names it: without the maker's name, and whatever stands behind its number. */
function isOf(family: Family, model: string): boolean {
	const plain = model
		.toUpperCase()
		.replace(/^TELTONIKA/, '')
		.replace(/[ _-]/g, '');
	return family.models.some((m) => plain === m);
}

export function ModelsScreen() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const own = useQuery(ownModelsQuery);
	const families = useQuery(familiesQuery);
	useTitle(t('models.title'));
	const { model, q } = search;
	const body = () => {
		if (own.data === undefined || families.data === undefined) {
			const broken = own.error ?? families.error;
			return broken === null ? (
				<Loading lines={12} />
			) : (
				<Broken
					error={broken}
					retry={() => {
						void own.refetch();
						void families.refetch();
					}}
				/>
			);
		}
		const named =
			search.family ??
			(model === undefined
				? undefined
				: (own.data.find((m) => m.model === model)?.family ?? families.data.find((f) => isOf(f, model))?.family));
		const family = families.data.find((f) => f.family === named);
		return (
			<div className={panes.body} data-side="always">
				<OwnModels own={own.data} family={family?.family} model={model} />
				<section className={panes.main} aria-label={t('models.list')}>
					<div className={css.choose}>
						<Select
							label={t('models.family')}
							hideLabel
							value={family?.family ?? ''}
							options={families.data.map((f) => ({ id: f.family, label: f.family, note: String(f.elements) }))}
							onChange={(id) => void navigate({ search: { family: id } })}
						/>
					</div>
					{family !== undefined ? (
						<Elements
							key={family.family}
							family={family}
							own={own.data.filter((m) => m.family === family.family).map((m) => m.model)}
							q={q ?? ''}
							onSearch={(text) =>
								void navigate({
									replace: true,
									search: ({ q: _, ...rest }) => (text === '' ? rest : { ...rest, q: text }),
								})
							}
						/>
					) : model !== undefined ? (
						<Notice icon="question" title={t('models.unknownTitle', { model })}>
							{t('models.unknownHelp')}
						</Notice>
					) : (
						<Notice icon="list" title={t('models.chooseTitle')}>
							{t('models.chooseHelp')}
						</Notice>
					)}
				</section>
			</div>
		);
	};
	return (
		<div className={panes.screen}>
			<InventoryHead at="models" />
			{body()}
		</div>
	);
}

function OwnModels({
	own,
	family,
	model,
}: {
	own: readonly Model[];
	family: string | undefined;
	model: string | undefined;
}) {
	const { t } = useTranslation();
	return (
		<nav className={panes.side} aria-label={t('models.yours')}>
			<h2 className={panes.title}>{t('models.yours')}</h2>
			{own.length === 0 && <p className={page.faint}>{t('models.noneYours')}</p>}
			<ul className={css.own}>
				{own.map((m) => (
					<li key={m.model}>
						<Link
							to="/models"
							search={{ model: m.model }}
							className={css.model}
							aria-current={model === m.model ? 'page' : undefined}
							data-near={model === undefined && m.family === family}
						>
							<strong>{m.model}</strong>
							<span className={css.count}>{t('fleet.count', { count: m.devices })}</span>
							<span className={css.family}>{m.family ?? t('models.unknown')}</span>
						</Link>
					</li>
				))}
			</ul>
		</nav>
	);
}
