/** Buttons, fields and lists: react-aria's behaviour, our look. */
import type { ReactNode } from 'react';
import {
	Button as AriaButton,
	CheckboxButton,
	CheckboxField,
	FieldError,
	Input,
	Label,
	ListBox,
	ListBoxItem,
	Popover,
	Select as AriaSelect,
	SelectValue,
	Text,
	TextArea as AriaTextArea,
	TextField as AriaTextField,
	Tooltip,
	TooltipTrigger,
	type ButtonProps,
	type TextFieldProps,
} from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { Icon, type IconName } from './icons.tsx';
import css from './controls.module.css';

type Kind = 'plain' | 'primary' | 'danger' | 'quiet';

/** For links that look like buttons. */
export function buttonClass(kind: Kind = 'plain'): string {
	return `${css.button ?? ''} ${css[kind] ?? ''}`;
}

export function Button({
	kind = 'plain',
	icon,
	children,
	...props
}: Omit<ButtonProps, 'children' | 'className' | 'style'> & { kind?: Kind; icon?: IconName; children: ReactNode }) {
	return (
		<AriaButton {...props} className={buttonClass(kind)}>
			{icon !== undefined && <Icon name={icon} size={16} />}
			<span>{children}</span>
		</AriaButton>
	);
}

/** A button that is only an icon: its label shows as a tooltip and is read aloud. */
export function IconButton({
	icon,
	label,
	pressed,
	...props
}: Omit<ButtonProps, 'children' | 'className' | 'style'> & { icon: IconName; label: string; pressed?: boolean }) {
	return (
		<TooltipTrigger delay={500}>
			<AriaButton
				{...props}
				aria-label={label}
				{...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
				className={css.icon ?? ''}
			>
				<Icon name={icon} />
			</AriaButton>
			<Tooltip offset={6} className={css.tooltip ?? ''}>
				{label}
			</Tooltip>
		</TooltipTrigger>
	);
}

export function TextField({
	label,
	hint,
	error,
	mono = false,
	example = '',
	lines = 1,
	...props
}: Omit<TextFieldProps, 'children' | 'className' | 'style'> & {
	label: string;
	hint?: string | undefined;
	error?: string | undefined;
	mono?: boolean;
	example?: string;
	/** More than one: a text of several lines. */
	lines?: number;
}) {
	return (
		// By ARIA: natively, the browser would not let a form go out again while the server's word of the last time stands in it.
		<AriaTextField {...props} validationBehavior="aria" isInvalid={error !== undefined} className={css.field ?? ''}>
			<Label className={css.label ?? ''}>{label}</Label>
			{lines === 1 ? (
				<Input className={`${css.input ?? ''} ${mono ? (css.mono ?? '') : ''}`} placeholder={example} />
			) : (
				<AriaTextArea className={`${css.input ?? ''} ${css.area ?? ''}`} rows={lines} placeholder={example} />
			)}
			{hint !== undefined && error === undefined && (
				<Text slot="description" className={css.hint ?? ''}>
					{hint}
				</Text>
			)}
			<FieldError className={css.error ?? ''}>{error}</FieldError>
		</AriaTextField>
	);
}

export interface Option<T extends string> {
	id: T;
	label: string;
	note?: string | undefined;
	icon?: ReactNode;
	/** Steps to the right, for trees. */
	depth?: number;
}

export function Select<T extends string>({
	label,
	options,
	value,
	onChange,
	hideLabel = false,
	compact = false,
	isDisabled = false,
}: {
	label: string;
	options: readonly Option<T>[];
	value: T;
	onChange: (value: T) => void;
	hideLabel?: boolean;
	compact?: boolean;
	isDisabled?: boolean;
}) {
	const { t } = useTranslation();
	return (
		<AriaSelect
			value={value}
			isDisabled={isDisabled}
			onChange={(key) => {
				const found = options.find((o) => o.id === key);
				if (found !== undefined) onChange(found.id);
			}}
			{...(hideLabel ? { 'aria-label': label } : {})}
			className={`${css.field ?? ''} ${compact ? (css.compact ?? '') : ''}`}
		>
			{!hideLabel && <Label className={css.label ?? ''}>{label}</Label>}
			<AriaButton className={css.select ?? ''}>
				<SelectValue className={css.value ?? ''}>
					{({ isPlaceholder, selectedText }) => (
						<>
							{options.find((o) => o.id === value)?.icon}
							{isPlaceholder ? t('choose') : selectedText}
						</>
					)}
				</SelectValue>
				<Icon name="down" size={14} />
			</AriaButton>
			<Popover className={css.popover ?? ''} offset={4}>
				<ListBox className={css.list ?? ''} items={options}>
					{(option) => (
						<ListBoxItem
							id={option.id}
							textValue={option.label}
							className={css.option ?? ''}
							data-depth={option.depth ?? 0}
						>
							<span className={css.optionLabel}>
								{option.icon}
								{option.label}
							</span>
							{option.note !== undefined && <span className={css.note}>{option.note}</span>}
						</ListBoxItem>
					)}
				</ListBox>
			</Popover>
		</AriaSelect>
	);
}

export function Checkbox({
	children,
	isSelected,
	onChange,
	isDisabled = false,
	hint,
}: {
	children: ReactNode;
	isSelected: boolean;
	onChange: (on: boolean) => void;
	isDisabled?: boolean;
	hint?: string;
}) {
	return (
		<CheckboxField isSelected={isSelected} onChange={onChange} isDisabled={isDisabled}>
			<CheckboxButton className={css.check ?? ''}>
				<span className={css.box}>
					<Icon name="check" size={12} />
				</span>
				<span>
					{children}
					{hint !== undefined && <span className={css.hint}> {hint}</span>}
				</span>
			</CheckboxButton>
		</CheckboxField>
	);
}
