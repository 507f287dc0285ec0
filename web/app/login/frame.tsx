/** What stands around the forms before one is signed in. */
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import css from './login.module.css';

export function Frame({ children }: { children: ReactNode }) {
	const { t } = useTranslation();
	return (
		<div className={css.page}>
			<main className={css.main}>
				<p className={css.brand}>
					<svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
						<path d="M16 4 26 27 16 21.6 6 27Z" />
					</svg>
					{t('product')}
				</p>
				{children}
			</main>
		</div>
	);
}

export interface FieldProps {
	label: string;
	value: string;
	onChange: (value: string) => void;
	type?: 'text' | 'password';
	autoComplete: string;
	hint?: string | undefined;
	error?: string | undefined;
	autoFocus?: boolean;
}

/** Plain elements: this entry stays small. */
export function Field({
	label,
	value,
	onChange,
	type = 'text',
	autoComplete,
	hint,
	error,
	autoFocus = false,
}: FieldProps) {
	const help = error ?? hint;
	const id = `field-${autoComplete}-${label}`.replaceAll(/\W+/g, '-');
	return (
		<div className={css.field}>
			<label htmlFor={id}>{label}</label>
			<input
				id={id}
				type={type}
				value={value}
				autoComplete={autoComplete}
				autoCapitalize="none"
				spellCheck={false}
				required
				autoFocus={autoFocus}
				aria-invalid={error !== undefined}
				aria-describedby={help === undefined ? undefined : `${id}-help`}
				onChange={(event) => onChange(event.target.value)}
			/>
			{help !== undefined && (
				<p id={`${id}-help`} className={error === undefined ? css.hint : css.error}>
					{help}
				</p>
			)}
		</div>
	);
}
