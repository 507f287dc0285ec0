/** One parameter of a template: what it is called, and what may be typed or chosen. */
import { useTranslation } from 'react-i18next';
import { Button, IconButton, Select, TextField } from '../../ui/controls.tsx';
import { isBound, type Choice, type Draft, type Kind } from './template_fields.ts';
import css from './templates.module.css';

const kinds: readonly Kind[] = ['text', 'number', 'choice'];
const MOST_CHOICES = 50;

export function ParameterEditor({
	name,
	draft,
	onChange,
}: {
	name: string;
	draft: Draft;
	onChange: (draft: Draft) => void;
}) {
	const { t } = useTranslation();
	const wrong = (text: string) => (isBound(text) ? undefined : t('templates.noNumber'));
	return (
		<fieldset className={css.parameter}>
			<legend>
				<code>{`{${name}}`}</code>
			</legend>
			<div className={css.two}>
				<TextField
					label={t('templates.label')}
					example={name}
					value={draft.label}
					onChange={(label) => onChange({ ...draft, label })}
					autoComplete="off"
				/>
				<Select
					label={t('templates.kind')}
					value={draft.kind}
					options={kinds.map((kind) => ({ id: kind, label: t(`templates.kinds.${kind}`) }))}
					onChange={(kind) =>
						onChange({
							...draft,
							kind,
							choices: kind === 'choice' && draft.choices.length === 0 ? [{ value: '', label: '' }] : draft.choices,
						})
					}
				/>
			</div>
			{draft.kind === 'text' && <p className={css.hint}>{t('templates.textHelp')}</p>}
			{draft.kind === 'number' && (
				<div className={css.two}>
					{(['min', 'max'] as const).map((which) => (
						<TextField
							key={which}
							label={t(`templates.${which}`)}
							value={draft[which]}
							onChange={(to) => onChange({ ...draft, [which]: to })}
							error={wrong(draft[which])}
							inputMode="decimal"
							autoComplete="off"
						/>
					))}
				</div>
			)}
			{draft.kind === 'choice' && (
				<Choices choices={draft.choices} onChange={(choices) => onChange({ ...draft, choices })} />
			)}
		</fieldset>
	);
}

function Choices({
	choices,
	onChange,
}: {
	choices: readonly Choice[];
	onChange: (choices: readonly Choice[]) => void;
}) {
	const { t } = useTranslation();
	const set = (at: number, change: Partial<Choice>) =>
		onChange(choices.map((c, i) => (i === at ? { ...c, ...change } : c)));
	return (
		<>
			<ul className={css.choices}>
				{choices.map((choice, i) => (
					<li key={i} className={css.choice}>
						<TextField
							label={t('templates.choiceValue', { n: i + 1 })}
							value={choice.value}
							onChange={(value) => set(i, { value })}
							isRequired
							mono
							autoComplete="off"
						/>
						<TextField
							label={t('templates.choiceLabel', { n: i + 1 })}
							example={choice.value}
							value={choice.label}
							onChange={(label) => set(i, { label })}
							autoComplete="off"
						/>
						<IconButton
							icon="close"
							label={t('templates.removeChoice', { n: i + 1 })}
							isDisabled={choices.length === 1}
							onPress={() => onChange(choices.filter((_, at) => at !== i))}
						/>
					</li>
				))}
			</ul>
			{choices.length < MOST_CHOICES && (
				<Button kind="quiet" icon="plus" onPress={() => onChange([...choices, { value: '', label: '' }])}>
					{t('templates.addChoice')}
				</Button>
			)}
		</>
	);
}
