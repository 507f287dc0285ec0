/** A one-time link: becomes the first administrator, sets a password, or signs in a display. */
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem, fieldErrors, request } from '../api/client.ts';
import css from './login.module.css';
import { Field } from './frame.tsx';

type Kind = 'setup' | 'password' | 'display' | 'demo';
interface Link {
	kind: Kind;
	login: string | null;
}
const LEAST = 10;

export function Claim({ token }: { token: string | null }) {
	const { t } = useTranslation();
	const [link, setLink] = useState<Link | 'bad' | 'offline' | null>(token === null ? 'bad' : null);
	const [login, setLogin] = useState('');
	const [name, setName] = useState('');
	const [password, setPassword] = useState('');
	const [again, setAgain] = useState('');
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<ApiProblem | 'offline' | null>(null);

	useEffect(() => {
		if (token === null) return;
		let gone = false;
		request<Link>('POST', '/session/link', { body: { token } }).then(
			async (found) => {
				if (gone) return;
				if (found.kind === 'display' || found.kind === 'demo') {
					// Nothing to ask: it signs in.
					await request('POST', '/session/claim', { body: { token } }).then(
						() => location.replace('/'),
						() => setLink('bad'),
					);
					return;
				}
				setLink(found);
			},
			(error: unknown) => {
				if (!gone) setLink(error instanceof ApiProblem && error.status < 500 ? 'bad' : 'offline');
			},
		);
		return () => {
			gone = true;
		};
	}, [token]);

	if (link === null) return <p role="status">{t('signIn.checking')}</p>;
	if (link === 'bad' || link === 'offline')
		return (
			<div className={css.form}>
				<h1 className={css.title}>{link === 'bad' ? t('signIn.badLink') : t('signIn.offline')}</h1>
				{link === 'bad' && <p className={css.lead}>{t('signIn.badLinkHelp')}</p>}
				<a href="/login">{t('signIn.toSignIn')}</a>
			</div>
		);

	const setup = link.kind === 'setup';
	const differs = again !== '' && again !== password;
	const ready = password.length >= LEAST && again === password && (!setup || login.trim() !== '');
	const fields = fieldErrors(problem);
	const submit = async () => {
		setBusy(true);
		setProblem(null);
		try {
			await request('POST', '/session/claim', {
				body: {
					token,
					password,
					...(setup ? { login: login.trim(), name: name.trim() === '' ? login.trim() : name.trim() } : {}),
				},
			});
			location.replace('/');
		} catch (error) {
			setProblem(error instanceof ApiProblem ? error : 'offline');
			setBusy(false);
		}
	};
	return (
		<form
			className={css.form}
			onSubmit={(event) => {
				event.preventDefault();
				if (ready) void submit();
			}}
		>
			<h1 className={css.title}>{setup ? t('signIn.setupTitle') : t('signIn.passwordTitle')}</h1>
			<p className={css.lead}>
				{setup ? t('signIn.setupHelp') : t('signIn.passwordHelp', { login: link.login ?? '' })}
			</p>
			{setup && (
				<>
					<Field
						label={t('signIn.login')}
						value={login}
						onChange={setLogin}
						autoComplete="username"
						autoFocus
						error={fields.get('login')}
					/>
					<Field
						label={t('signIn.name')}
						value={name}
						onChange={setName}
						autoComplete="name"
						error={fields.get('name')}
					/>
				</>
			)}
			<Field
				label={t('signIn.password')}
				value={password}
				onChange={setPassword}
				type="password"
				autoComplete="new-password"
				hint={t('signIn.rule')}
				error={fields.get('password')}
			/>
			<Field
				label={t('signIn.again')}
				value={again}
				onChange={setAgain}
				type="password"
				autoComplete="new-password"
				error={differs ? t('signIn.differs') : undefined}
			/>
			<div role="alert">
				{problem !== null && fields.size === 0 && (
					<p className={css.problem}>
						{problem === 'offline' ? t('signIn.offline') : (problem.detail ?? problem.title)}
					</p>
				)}
			</div>
			<button type="submit" className={css.submit} disabled={busy || !ready}>
				{t('signIn.finish')}
			</button>
		</form>
	);
}
