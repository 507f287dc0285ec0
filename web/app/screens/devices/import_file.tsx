/** Where the file comes from: chosen, or dropped. What may stand in it is said beside it. */
import { useRef, useState, type DragEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocale } from '../../i18n/locale.ts';
import { Button } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import page from '../../ui/page.module.css';
import sample from './sample.csv?url';
import css from './import.module.css';

export interface Chosen {
	name: string;
	/** As it was when it was chosen, whatever becomes of the file. */
	content: Blob;
}

/** As server/api/device_import.ts has it. */
const MOST_BYTES = 20_000_000;
const columns = ['imei', 'name', 'model', 'group', 'plate', 'phone', 'category', 'notes', 'enabled'] as const;

export function FileField({ file, onChoose }: { file: Chosen | null; onChoose: (file: Chosen) => void }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const field = useRef<HTMLInputElement>(null);
	const [isOver, setOver] = useState(false);
	const [refused, setRefused] = useState<string | null>(null);
	const take = (files: FileList | null | undefined) => {
		const found = files?.[0];
		if (found === undefined) return;
		if (found.size > MOST_BYTES) {
			setRefused(t('import.tooLarge', { name: found.name }));
			return;
		}
		found.arrayBuffer().then(
			(bytes) => {
				setRefused(null);
				onChoose({ name: found.name, content: new Blob([bytes]) });
			},
			() => setRefused(t('import.unreadable', { name: found.name })),
		);
	};
	const drag = (over: boolean) => (event: DragEvent) => {
		event.preventDefault();
		setOver(over);
	};
	return (
		<section className={page.card}>
			<div
				className={css.drop}
				data-over={isOver}
				onDragEnter={drag(true)}
				onDragOver={drag(true)}
				onDragLeave={drag(false)}
				onDrop={(event) => {
					drag(false)(event);
					take(event.dataTransfer.files);
				}}
			>
				<Icon name="upload" size={26} />
				<p className={css.chosen}>{file === null ? t('import.drop') : file.name}</p>
				{file !== null && (
					<p className={page.faint}>
						{new Intl.NumberFormat(locale, {
							style: 'unit',
							unit: 'kilobyte',
							maximumFractionDigits: file.content.size < 10_000 ? 1 : 0,
						}).format(file.content.size / 1000)}
					</p>
				)}
				<div className={css.after}>
					<Button kind={file === null ? 'primary' : 'plain'} onPress={() => field.current?.click()}>
						{file === null ? t('import.choose') : t('import.another')}
					</Button>
					<a href={sample} download="devices.csv" className={css.sample}>
						<Icon name="download" size={16} /> {t('import.sample')}
					</a>
				</div>
				<input
					ref={field}
					type="file"
					accept=".csv,text/csv"
					hidden
					aria-label={t('import.choose')}
					onChange={(event) => {
						take(event.target.files);
						// The same file again, once it is mended.
						event.target.value = '';
					}}
				/>
				{refused !== null && (
					<p className={css.wrong} role="alert">
						{refused}
					</p>
				)}
			</div>
			<details className={css.rules}>
				<summary>{t('import.rules')}</summary>
				<ul className={css.list}>
					<li>{t('import.ruleFile')}</li>
					<li>{t('import.ruleKnown')}</li>
					<li>{t('import.ruleWhole')}</li>
				</ul>
				<dl className={css.columns}>
					{columns.map((c) => (
						<div key={c}>
							<dt className={page.mono} lang="en">
								{c}
							</dt>
							<dd>{t(`import.column.${c}`)}</dd>
						</div>
					))}
				</dl>
			</details>
		</section>
	);
}
