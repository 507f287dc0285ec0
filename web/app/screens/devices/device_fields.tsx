/** What is kept of a device, as fields of a form; an empty one says nothing. */
import { useTranslation } from 'react-i18next';
import type { Device } from '../../api/queries.ts';
import { Select, TextField, type Option } from '../../ui/controls.tsx';
import { categories, CategoryIcon, useCategoryName } from '../../ui/category.tsx';
import css from './devices.module.css';

export const fieldNames = ['name', 'plate', 'model', 'category', 'phone', 'group', 'notes'] as const;
/** Those that say themselves what is wrong with them. */
export const textFields = ['name', 'plate', 'model', 'phone', 'notes'] as const;
export type FieldName = (typeof fieldNames)[number];
export type Fields = Record<FieldName, string>;

export function fieldsOf(device: Pick<Device, FieldName>): Fields {
	return Object.fromEntries(fieldNames.map((name) => [name, device[name] ?? ''])) as Fields;
}

/** What the form says otherwise than it was, as the server takes it. */
export function changesOf(before: Fields, now: Fields): Partial<Record<FieldName, string | null>> {
	return Object.fromEntries(
		fieldNames
			.map((name) => [name, now[name].trim()] as const)
			.filter(([name, text]) => text !== before[name].trim())
			.map(([name, text]) => [name, text === '' ? null : text]),
	);
}

/** How a field is called. */
export function useFieldLabel(): (name: FieldName) => string {
	const { t } = useTranslation();
	return (name) =>
		({
			name: t('inventory.name'),
			plate: t('device.plate'),
			model: t('device.model'),
			category: t('inventory.kind'),
			phone: t('inventory.phone'),
			group: t('device.group'),
			notes: t('inventory.notes'),
		})[name];
}

export function DeviceFields({
	fields,
	errors,
	places,
	focus = false,
	onChange,
}: {
	fields: Fields;
	errors: ReadonlyMap<string, string>;
	/** Groups, as options. */
	places: readonly Option<string>[];
	/** The first one gets the focus. */
	focus?: boolean;
	onChange: (change: Partial<Fields>) => void;
}) {
	const { t } = useTranslation();
	const label = useFieldLabel();
	const nameOf = useCategoryName();
	const isOther = fields.category !== '' && !categories.some((c) => c === fields.category);
	const text = (name: FieldName) => ({
		label: label(name),
		value: fields[name],
		onChange: (value: string) => onChange({ [name]: value }),
		error: errors.get(name),
		autoComplete: 'off',
	});
	const kinds: Option<string>[] = [
		{ id: '', label: t('inventory.category.none') },
		...categories.map((c) => ({ id: c, label: nameOf(c), icon: <CategoryIcon category={c} /> })),
		...(isOther
			? [{ id: fields.category, label: nameOf(fields.category), icon: <CategoryIcon category={fields.category} /> }]
			: []),
	];
	return (
		<>
			<div className={css.two}>
				<TextField {...text('name')} autoFocus={focus} />
				<TextField {...text('plate')} />
			</div>
			<div className={css.two}>
				<TextField {...text('model')} hint={t('refused.modelHint')} />
				<Select
					label={label('category')}
					value={fields.category}
					options={kinds}
					onChange={(category) => onChange({ category })}
				/>
			</div>
			<div className={css.two}>
				<Select
					label={label('group')}
					value={fields.group}
					options={places}
					onChange={(group) => onChange({ group })}
				/>
				<TextField {...text('phone')} type="tel" />
			</div>
			<TextField {...text('notes')} lines={3} />
		</>
	);
}
