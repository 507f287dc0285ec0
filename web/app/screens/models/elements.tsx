/** The elements of a family as a table that is searched here; of hundreds, those in sight are in the page. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { elementsQuery, type DictionaryEntry, type Family } from '../../api/dictionary.ts';
import { useAtLeast } from '../../shell/shell.tsx';
import { asWords } from '../../ui/readings.ts';
import { SearchBox } from '../../ui/search_box.tsx';
import { Broken, Loading, Notice } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { matching } from './matching.ts';
import css from './models.module.css';

export function Elements({
	family,
	own,
	q,
	onSearch,
}: {
	family: Family;
	/** Models of this family that one's devices have. */
	own: readonly string[];
	q: string;
	onSearch: (q: string) => void;
}) {
	const { t } = useTranslation();
	const mayList = useAtLeast('installer');
	const elements = useQuery(elementsQuery(family.family));
	const found = useMemo(() => matching(elements.data ?? [], q), [elements.data, q]);
	return (
		<>
			<header className={css.about}>
				<h2 className={css.name}>{family.family}</h2>
				<p className={page.soft}>{family.models.join(', ')}</p>
				{mayList && own.length > 0 && (
					<Link to="/devices" search={{ model: own.join(',') }} className={page.touch}>
						{t('models.devices')}
					</Link>
				)}
			</header>
			<div className={css.search}>
				<SearchBox label={t('models.search')} example={t('models.example')} value={q} onChange={onSearch} />
				<p className={page.soft} role="status">
					{elements.data !== undefined &&
						(found.length === elements.data.length
							? t('models.elements', { count: found.length })
							: t('models.of', { shown: found.length, total: elements.data.length }))}
				</p>
			</div>
			{elements.data === undefined ? (
				elements.isError ? (
					<Broken error={elements.error} retry={() => void elements.refetch()} />
				) : (
					<Loading lines={10} />
				)
			) : found.length === 0 ? (
				<Notice icon="search" title={t('models.noneTitle')}>
					{t('models.noneHelp')}
				</Notice>
			) : (
				<Table elements={found} />
			)}
		</>
	);
}

/** What a value of this element means: its words, or its description. */
function meaning(e: DictionaryEntry): string {
	const labels = Object.entries(e.labels ?? {}).map(([value, label]) => `${value} ${asWords(label)}`);
	return labels.length > 0 ? labels.join(' · ') : e.description;
}

function Table({ elements }: { elements: readonly DictionaryEntry[] }) {
	const { t } = useTranslation();
	const box = useRef<HTMLDivElement>(null);
	// eslint-disable-next-line react-hooks/incompatible-library -- the rows are meant to follow its every call
	const rows = useVirtualizer({
		count: elements.length,
		getScrollElement: () => box.current,
		estimateSize: () => 60,
		overscan: 6,
	});
	return (
		<div
			ref={box}
			className={css.box}
			role="table"
			aria-label={t('models.list')}
			aria-rowcount={elements.length + 1}
			tabIndex={0}
		>
			<div role="rowgroup">
				<div role="row" aria-rowindex={1} className={css.head}>
					<span role="columnheader">{t('models.id')}</span>
					<span role="columnheader">{t('models.name')}</span>
					<span role="columnheader">{t('models.unit')}</span>
					<span role="columnheader">{t('models.means')}</span>
				</div>
			</div>
			<div role="rowgroup" className={css.all} style={{ height: rows.getTotalSize() }}>
				{rows.getVirtualItems().map((item) => {
					const e = elements[item.index];
					if (e === undefined) return null;
					return (
						<div
							key={item.key}
							ref={rows.measureElement}
							data-index={item.index}
							role="row"
							aria-rowindex={item.index + 2}
							className={css.row}
							style={{ transform: `translateY(${item.start}px)` }}
						>
							<span role="cell" className={css.id}>
								{e.id}
							</span>
							<span role="cell" lang="en">
								<strong>{asWords(e.name)}</strong>
								<span className={css.code}>{e.name}</span>
							</span>
							<span role="cell" className={css.unit}>
								{e.unit}
							</span>
							<span role="cell" className={css.means} lang="en">
								{meaning(e)}
							</span>
						</div>
					);
				})}
			</div>
		</div>
	);
}
