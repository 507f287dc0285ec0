/**
 * Forms that change what the server has. A change says what it was made from (the ETag); where somebody else was faster,
 * both are shown, and nothing is lost: what this form changed goes over what is there now, the rest stays.
 */
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem, getTagged, request, type Tagged } from '../api/client.ts';
import { Button } from './controls.tsx';
import { Dialog } from './dialog.tsx';
import { Broken, Loading } from './states.tsx';
import css from './editing.module.css';

/** Reads what is to be changed, then shows the form (`children`), which has a dialog of its own. */
export function Editing<T>({
	address,
	title,
	onClose,
	children,
}: {
	address: string;
	title: string;
	onClose: () => void;
	children: (loaded: Tagged<T>) => ReactNode;
}) {
	// Under a name of its own: what is shown stays what the change is made from, whatever the page hears meanwhile.
	const found = useQuery({
		queryKey: ['editing', address],
		queryFn: ({ signal }) => getTagged<T>(address, signal),
		staleTime: Infinity,
		gcTime: 0,
		refetchOnWindowFocus: false,
		refetchOnReconnect: false,
	});
	if (found.data !== undefined) return children(found.data);
	return (
		<Dialog title={title} isOpen onClose={onClose} wide>
			{found.isError ? <Broken error={found.error} retry={() => void found.refetch()} /> : <Loading lines={8} />}
		</Dialog>
	);
}

export interface Change<T> {
	/** What the form shows where nothing was typed. */
	before: T;
	/** What somebody else has made of it meanwhile; null: nobody has, as far as is known. */
	theirs: T | null;
	save: () => void;
	/** After a conflict: the form's changes go over theirs, or theirs take their place. */
	keepMine: () => void;
	takeTheirs: () => void;
	/** The form's own doing has changed it: a save is made from that. */
	renew: (now: Tagged<T>) => void;
	isPending: boolean;
	/** Null where a conflict is to be shown instead. */
	error: Error | null;
}

/** `body` makes a change of what it is made from, null if there is none. */
export function useChange<T>({
	loaded,
	address,
	method,
	body,
	onSaved,
	onTakeTheirs,
}: {
	loaded: Tagged<T>;
	address: string;
	method: 'PATCH' | 'PUT';
	body: (from: T) => object | null;
	onSaved: () => void;
	/** Forgets what was typed. */
	onTakeTheirs: () => void;
}): Change<T> {
	const [base, setBase] = useState(loaded);
	const [theirs, setTheirs] = useState<Tagged<T> | null>(null);
	const save = useMutation({
		mutationFn: async ({ value, etag }: Tagged<T>) => {
			const change = body(value);
			if (change !== null)
				await request<T>(method, address, { body: change, headers: etag === null ? {} : { 'if-match': etag } });
		},
		onSuccess: onSaved,
		onError: async (error) => {
			// What it is now, for the user to decide.
			if (error instanceof ApiProblem && error.status === 412) setTheirs(await getTagged<T>(address).catch(() => null));
		},
	});
	const isConflict = theirs !== null && save.error instanceof ApiProblem && save.error.status === 412;
	return {
		before: base.value,
		theirs: isConflict ? theirs.value : null,
		save: () => save.mutate(base),
		keepMine: () => theirs !== null && save.mutate(theirs),
		takeTheirs: () => {
			if (theirs !== null) setBase(theirs);
			setTheirs(null);
			save.reset();
			onTakeTheirs();
		},
		renew: setBase,
		isPending: save.isPending,
		error: isConflict ? null : save.error,
	};
}

/** Somebody else was faster: what they have changed (`theirs`: name of the field, its value), and which of both is to be. */
export function Conflict({
	change,
	theirs,
}: {
	change: Pick<Change<unknown>, 'takeTheirs' | 'keepMine'>;
	theirs: readonly { label: string; value: string }[];
}) {
	const { t } = useTranslation();
	return (
		<div className={css.conflict} role="alert">
			<p>{t('editing.conflict')}</p>
			<ul>
				{theirs.map(({ label, value }) => (
					<li key={label}>{t('editing.value', { field: label, value: value === '' ? t('editing.empty') : value })}</li>
				))}
				{theirs.length === 0 && <li>{t('editing.none')}</li>}
			</ul>
			<div className={css.choices}>
				<Button onPress={change.takeTheirs}>{t('editing.takeTheirs')}</Button>
				<Button onPress={change.keepMine}>{t('editing.keepMine')}</Button>
			</div>
		</div>
	);
}
