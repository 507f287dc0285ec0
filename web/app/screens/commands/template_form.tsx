/**
 * The form of a template. Its parameters are those that the text names: they come and go with it, so that both always
 * agree. Below stands what its sender will see, to try it.
 */
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { fillTemplate, under, withValues } from '../../../shared/template_text.ts';
import { fieldErrors } from '../../api/client.ts';
import { Button, Checkbox, Select, TextField } from '../../ui/controls.tsx';
import { FromServer } from '../../ui/from_server.tsx';
import { Problem } from '../../ui/states.tsx';
import page from '../../ui/page.module.css';
import { ParameterEditor } from './parameter_editor.tsx';
import { Parameters } from './parameters.tsx';
import { draftIn, isBound, parametersOf, type Fields } from './template_fields.ts';
import css from './templates.module.css';

const shown = ['name', 'description', 'text'];
const roles = ['operator', 'installer', 'admin'] as const;
const codecs = ['12', '14'] as const;

export function TemplateForm({
	fields,
	error,
	isPending,
	conflict,
	remove,
	onChange,
	onSubmit,
	onClose,
}: {
	fields: Fields;
	error: Error | null;
	isPending: boolean;
	conflict?: ReactNode;
	/** The button that deletes it. */
	remove?: ReactNode;
	onChange: (change: Partial<Fields>) => void;
	onSubmit: () => void;
	onClose: () => void;
}) {
	const { t } = useTranslation();
	const errors = fieldErrors(error);
	const parameters = parametersOf(fields);
	const isWhole = parameters.every(({ name }) => {
		const { kind, min, max } = draftIn(fields, name);
		return kind !== 'number' || (isBound(min) && isBound(max));
	});
	return (
		<form
			className={page.form}
			onSubmit={(event) => {
				event.preventDefault();
				if (isWhole) onSubmit();
			}}
		>
			<div className={css.two}>
				<TextField
					label={t('templates.name')}
					value={fields.name}
					onChange={(name) => onChange({ name })}
					isRequired
					autoComplete="off"
					error={errors.get('name')}
				/>
				<Select
					label={t('templates.role')}
					value={fields.role}
					options={roles.map((role) => ({ id: role, label: t(`templates.from.${role}`) }))}
					onChange={(role) => onChange({ role })}
				/>
			</div>
			<TextField
				label={t('templates.description')}
				value={fields.description}
				onChange={(description) => onChange({ description })}
				autoComplete="off"
				error={errors.get('description')}
			/>
			<TextField
				label={t('templates.text')}
				example={t('templates.textExample')}
				value={fields.text}
				onChange={(text) => onChange({ text })}
				isRequired
				mono
				autoComplete="off"
				spellCheck="false"
				hint={t('templates.textHint')}
				error={errors.get('text')}
			/>
			{parameters.map(({ name }) => (
				<ParameterEditor
					key={name}
					name={name}
					draft={draftIn(fields, name)}
					onChange={(draft) => onChange({ drafts: { ...fields.drafts, [name]: draft } })}
				/>
			))}
			<Select
				label={t('templates.codec')}
				value={fields.codec === 14 ? '14' : '12'}
				options={codecs.map((codec) => ({ id: codec, label: t(`templates.codec${codec}`) }))}
				onChange={(codec) => onChange({ codec: codec === '14' ? 14 : 12 })}
			/>
			<Checkbox
				isSelected={fields.dangerous}
				onChange={(dangerous) => onChange({ dangerous })}
				hint={t('templates.dangerousHelp')}
			>
				{t('send.dangerous')}
			</Checkbox>
			{fields.text.trim() !== '' && <TryIt text={fields.text.trim()} parameters={parameters} />}
			{conflict}
			<Problem error={error} shown={shown} />
			<div className={css.foot}>
				{remove}
				<span className={page.grow} />
				<Button onPress={onClose}>{t('cancel')}</Button>
				<Button kind="primary" type="submit" isDisabled={isPending || !isWhole}>
					{t('save')}
				</Button>
			</div>
		</form>
	);
}

/** What its sender fills in, and the text that goes out. */
function TryIt({ text, parameters }: { text: string; parameters: ReturnType<typeof parametersOf> }) {
	const { t } = useTranslation();
	const [values, setValues] = useState<Record<string, string>>({});
	const given = new Map(
		parameters.map((p) => [p.name, under(values, p.name) ?? ''] as const).filter(([, value]) => value !== ''),
	);
	const filled = fillTemplate(text, parameters, Object.fromEntries(given));
	return (
		<section className={css.try} aria-label={t('templates.try')}>
			<h3>{t('templates.try')}</h3>
			{parameters.length > 0 && (
				<div className={css.values}>
					<Parameters parameters={parameters} values={values} onChange={setValues} />
				</div>
			)}
			<output className={css.result}>
				{'text' in filled || given.size < parameters.length ? (
					<code>{withValues(text, given)}</code>
				) : (
					<span className={css.wrong}>
						<FromServer>
							{filled.field.replace('parameters.', '')}: {filled.message}
						</FromServer>
					</span>
				)}
			</output>
		</section>
	);
}
