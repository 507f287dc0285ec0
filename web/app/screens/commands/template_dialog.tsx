/** Makes, changes and deletes a template. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request, type Tagged } from '../../api/client.ts';
import type { Template } from '../../api/queries.ts';
import { Button } from '../../ui/controls.tsx';
import { DeleteDialog } from '../../ui/delete_dialog.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Conflict, Editing, useChange } from '../../ui/editing.tsx';
import { bodyOf, fieldsOf, newTemplate, parametersOf, type Fields } from './template_fields.ts';
import { TemplateForm } from './template_form.tsx';

const LIST = '/command-templates';

/** What was done is to be seen in the list, and offered where commands are sent. */
function useDone(onClose: () => void): () => void {
	const queries = useQueryClient();
	return () => {
		void queries.invalidateQueries({ queryKey: ['templates'] });
		onClose();
	};
}

/** `template`: its id; null: a new one. */
export function TemplateDialog({ template, onClose }: { template: string | null; onClose: () => void }) {
	const { t } = useTranslation();
	if (template === null) return <NewTemplate onClose={onClose} />;
	return (
		<Editing<Template> address={`${LIST}/${template}`} title={t('templates.one')} onClose={onClose}>
			{(loaded) => <EditTemplate loaded={loaded} onClose={onClose} />}
		</Editing>
	);
}

function NewTemplate({ onClose }: { onClose: () => void }) {
	const { t } = useTranslation();
	const done = useDone(onClose);
	const [fields, setFields] = useState(newTemplate);
	const make = useMutation({
		mutationFn: () => request<Template>('POST', LIST, { body: bodyOf(fields) }),
		onSuccess: done,
	});
	return (
		<Dialog title={t('templates.add')} isOpen onClose={onClose} wide>
			<TemplateForm
				fields={fields}
				error={make.error}
				isPending={make.isPending}
				onChange={(change) => setFields({ ...fields, ...change })}
				onSubmit={() => make.mutate()}
				onClose={onClose}
			/>
		</Dialog>
	);
}

function EditTemplate({ loaded, onClose }: { loaded: Tagged<Template>; onClose: () => void }) {
	const { t } = useTranslation();
	const done = useDone(onClose);
	const sayChanges = useChangesOf();
	const [typed, setTyped] = useState<Partial<Fields>>({});
	const [asking, setAsking] = useState(false);
	const change = useChange({
		loaded,
		address: `${LIST}/${loaded.value.id}`,
		method: 'PUT',
		body: (from) => bodyOf({ ...fieldsOf(from), ...typed }),
		onSaved: done,
		onTakeTheirs: () => setTyped({}),
	});
	const before = fieldsOf(change.before);
	if (asking)
		return (
			<DeleteDialog
				address={`${LIST}/${change.before.id}`}
				title={t('templates.deleteTitle', { name: change.before.name })}
				help={t('templates.deleteHelp')}
				action={t('templates.delete')}
				onKeep={() => setAsking(false)}
				onDone={done}
			/>
		);
	return (
		<Dialog title={change.before.name} isOpen onClose={onClose} wide>
			<TemplateForm
				fields={{ ...before, ...typed }}
				error={change.error}
				isPending={change.isPending}
				conflict={
					change.theirs !== null && <Conflict change={change} theirs={sayChanges(before, fieldsOf(change.theirs))} />
				}
				remove={<Button onPress={() => setAsking(true)}>{t('templates.delete')}</Button>}
				onChange={(more) => setTyped({ ...typed, ...more })}
				onSubmit={change.save}
				onClose={onClose}
			/>
		</Dialog>
	);
}

/** What differs between two states of a template, as the form calls it. */
function useChangesOf(): (before: Fields, after: Fields) => { label: string; value: string }[] {
	const { t } = useTranslation();
	const say = (f: Fields) => [
		{ label: t('templates.name'), value: f.name },
		{ label: t('templates.role'), value: t(`templates.from.${f.role}`) },
		{ label: t('templates.description'), value: f.description },
		{ label: t('templates.text'), value: f.text },
		{
			label: t('templates.parameters'),
			value: parametersOf(f)
				.map((p) => [p.label ?? p.name, p.min, p.max, ...(p.choices ?? [])].filter((x) => x !== undefined).join(' '))
				.join(', '),
		},
		{ label: t('templates.codec'), value: t(`templates.codec${f.codec}`) },
		{ label: t('send.dangerous'), value: t(f.dangerous ? 'yes' : 'no') },
	];
	return (before, after) => {
		const was = say(before);
		return say(after).filter(({ value }, i) => value !== was[i]?.value);
	};
}
