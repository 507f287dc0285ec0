/** Sign in with name and password, then go where one wanted to. */
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem, get, request } from '../api/client.ts';
import css from './login.module.css';
import { Field } from './frame.tsx';
import { safeNext } from './safe_next.ts';

export function SignIn() {
	const { t } = useTranslation();
	const [login, setLogin] = useState('');
	const [password, setPassword] = useState('');
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<string | null>(null);
	const [setup, setSetup] = useState(false);

	useEffect(() => {
		get<{ signedIn: boolean; setup: boolean }>('/session').then(
			(session) => {
				if (session.signedIn) location.replace(safeNext(location.search));
				setSetup(session.setup);
			},
			() => undefined,
		);
	}, []);

	const say = (problem: unknown): string => {
		if (!(problem instanceof ApiProblem)) return t('signIn.offline');
		if (problem.status === 401 || problem.status === 400) return t('signIn.wrong');
		if (problem.status === 429) return problem.detail ?? t('signIn.tooManyMinute');
		if (problem.status === 503) return t('signIn.away');
		return problem.detail ?? problem.title;
	};

	const submit = async () => {
		setBusy(true);
		setError(null);
		try {
			await request('POST', '/session', { body: { login: login.trim(), password } });
			location.replace(safeNext(location.search));
		} catch (problem) {
			setError(say(problem));
			setBusy(false);
		}
	};

	return (
		<form
			className={css.form}
			onSubmit={(event) => {
				event.preventDefault();
				void submit();
			}}
		>
			<h1 className={css.title}>{t('signIn.title')}</h1>
			{setup && <p className={css.note}>{t('signIn.setupNeeded')}</p>}
			<Field label={t('signIn.login')} value={login} onChange={setLogin} autoComplete="username" autoFocus />
			<Field
				label={t('signIn.password')}
				value={password}
				onChange={setPassword}
				type="password"
				autoComplete="current-password"
			/>
			<div role="alert">{error !== null && <p className={css.problem}>{error}</p>}</div>
			<button type="submit" className={css.submit} disabled={busy || login.trim() === '' || password === ''}>
				{busy ? t('signIn.doing') : t('signIn.do')}
			</button>
			<p className={css.foot}>{t('signIn.forgotten')}</p>
		</form>
	);
}
