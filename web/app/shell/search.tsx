/** The search of the bar: part of the filter of map and list; from another screen it goes there. "/" comes to it. */
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { SearchBox } from '../ui/search_box.tsx';

export function Search() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const here = useRouterState({ select: (s) => s.location.pathname === '/' });
	const asked = useRouterState({
		select: (s) => (s.location.pathname === '/' ? ((s.location.search as { q?: string }).q ?? '') : ''),
	});
	const [typed, setTyped] = useState(asked);
	const [known, setKnown] = useState(asked);
	if (known !== asked) {
		setKnown(asked);
		setTyped(asked);
	}
	const field = useRef<HTMLInputElement>(null);

	useEffect(() => {
		const focus = (event: KeyboardEvent) => {
			if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
			const target = event.target;
			if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return;
			event.preventDefault();
			field.current?.select();
		};
		document.addEventListener('keydown', focus);
		return () => document.removeEventListener('keydown', focus);
	}, []);

	const go = (q: string, replace: boolean) =>
		void navigate({
			to: '/',
			replace,
			search: (before) => {
				const { q: _old, ...rest } = before as Record<string, unknown>;
				return q === '' ? rest : here ? { ...rest, q } : { q };
			},
		});

	return (
		<SearchBox
			label={t('search.label')}
			example={t('search.example')}
			value={typed}
			field={field}
			shortcut="/"
			onChange={(value) => {
				setTyped(value);
				if (here) {
					setKnown(value);
					go(value, true);
				}
			}}
			onSubmit={(value) => go(value, here)}
		/>
	);
}
