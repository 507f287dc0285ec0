/** What becomes of each line of the file: counts, which filter, and the lines, of which those in sight are in the page. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { Chip } from '../../ui/text.tsx';
import page from '../../ui/page.module.css';
import { fieldNames, useFieldLabel, type FieldName } from './device_fields.tsx';
import type { Result } from './import.tsx';
import css from './import.module.css';

type Outcome = Result['lines'][number]['outcome'];

/** As in import.module.css: two lines of text, so that a reason is seen whole. */
const ROW = 60;
const order: readonly Outcome[] = ['wrong', 'create', 'update', 'same'];
const tones = { create: 'good', update: 'info', same: 'plain', wrong: 'danger' } as const;

export function ImportLines({ result }: { result: Result }) {
	const { t } = useTranslation();
	const number = new Intl.NumberFormat(useLocale());
	const [chosen, setChosen] = useState<Outcome | null>(null);
	const lines = useMemo(
		() => (chosen === null ? result.lines : result.lines.filter((l) => l.outcome === chosen)),
		[result, chosen],
	);
	return (
		<section className={page.card} aria-label={t('import.lines')}>
			<div className={css.counts}>
				<div className={page.pills} role="group" aria-label={t('import.lines')}>
					<button type="button" className={page.pill} aria-pressed={chosen === null} onClick={() => setChosen(null)}>
						{t('import.all')} {number.format(result.lines.length)}
					</button>
					{order
						.filter((o) => result[o] > 0)
						.map((o) => (
							<button
								key={o}
								type="button"
								className={page.pill}
								aria-pressed={chosen === o}
								onClick={() => setChosen(o)}
							>
								{t(`import.outcome.${o}`)} {number.format(result[o])}
							</button>
						))}
				</div>
			</div>
			<Lines key={chosen ?? ''} lines={lines} />
		</section>
	);
}

function Lines({ lines }: { lines: Result['lines'] }) {
	const { t } = useTranslation();
	const label = useFieldLabel();
	const box = useRef<HTMLDivElement>(null);
	// eslint-disable-next-line react-hooks/incompatible-library -- the rows are meant to follow its every call
	const rows = useVirtualizer({
		count: lines.length,
		getScrollElement: () => box.current,
		estimateSize: () => ROW,
		overscan: 6,
	});
	const named = (column: string) =>
		fieldNames.some((f) => f === column) ? label(column as FieldName) : t('inventory.access');
	return (
		<div
			ref={box}
			className={css.box}
			role="table"
			aria-rowcount={lines.length + 1}
			aria-label={t('import.lines')}
			tabIndex={0}
		>
			<div role="rowgroup">
				<div role="row" aria-rowindex={1} className={css.head}>
					<span role="columnheader">{t('import.line')}</span>
					<span role="columnheader">{t('inventory.name')}</span>
					<span role="columnheader">{t('import.becomes')}</span>
					<span role="columnheader">{t('import.what')}</span>
				</div>
			</div>
			<div role="rowgroup" className={css.all} style={{ height: rows.getTotalSize() }}>
				{rows.getVirtualItems().map((item) => {
					const line = lines[item.index];
					if (line === undefined) return null;
					return (
						<div
							key={item.key}
							role="row"
							aria-rowindex={item.index + 2}
							className={css.row}
							style={{ transform: `translateY(${item.start}px)` }}
						>
							<span role="cell" className={css.line}>
								{line.line}
							</span>
							<span role="cell" className={css.who}>
								<strong>{line.name}</strong>
								<span className={css.imei}>{line.imei}</span>
							</span>
							<span role="cell">
								<Chip tone={tones[line.outcome]}>{t(`import.outcome.${line.outcome}`)}</Chip>
							</span>
							<span
								role="cell"
								className={css.said}
								data-wrong={line.message !== null}
								lang={line.message === null ? undefined : 'en'}
							>
								{line.message ?? line.changes.map(named).join(', ')}
							</span>
						</div>
					);
				})}
			</div>
		</div>
	);
}
