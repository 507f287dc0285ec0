/** What a template asks its sender for. */
import type { z } from 'zod';
import type { TemplateParameter } from '../../../shared/schemas.ts';
import { under } from '../../../shared/template_text.ts';
import { Select, TextField } from '../../ui/controls.tsx';

type Parameter = z.output<typeof TemplateParameter>;

function range({ min, max }: Parameter): string | undefined {
	if (min === undefined && max === undefined) return undefined;
	return min === undefined ? `≤ ${max}` : max === undefined ? `≥ ${min}` : `${min} – ${max}`;
}

/** `values`: by the name of the parameter. */
export function Parameters({
	parameters,
	values,
	onChange,
}: {
	parameters: readonly Parameter[];
	values: Readonly<Record<string, string>>;
	onChange: (values: Record<string, string>) => void;
}) {
	return parameters.map((p) => {
		const common = {
			label: p.label ?? p.name,
			value: under(values, p.name) ?? '',
			onChange: (to: string) => onChange({ ...values, [p.name]: to }),
		};
		return p.type === 'choice' ? (
			<Select
				key={p.name}
				{...common}
				options={(p.choices ?? []).map((c, i) => ({ id: c, label: p.choiceLabels?.[i] ?? c }))}
			/>
		) : (
			<TextField
				key={p.name}
				{...common}
				autoComplete="off"
				inputMode={p.type === 'number' ? 'decimal' : 'text'}
				hint={range(p)}
			/>
		);
	});
}
