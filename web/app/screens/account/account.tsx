/** One's own account: name, look, password, where one is signed in. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fieldErrors, request } from '../../api/client.ts';
import { groupsQuery, meQuery, sessionsQuery, type Me } from '../../api/queries.ts';
import { signOut } from '../../shell/account_menu.tsx';
import { applyTheme, storedTheme, themes } from '../../theme/theme.ts';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { Broken, Loading, Problem } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { Ago } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { Rights } from '../people/users.tsx';
import { Reading } from './reading.tsx';
import { Tokens } from './tokens.tsx';
import css from './account.module.css';

const themeLabel = { auto: 'nav.themeAuto', light: 'nav.themeLight', dark: 'nav.themeDark' } as const;
const LEAST = 10;

export function AccountScreen() {
	const { t } = useTranslation();
	const me = useQuery(meQuery);
	useTitle(t('account.title'));
	if (me.data === undefined)
		return me.isError ? <Broken error={me.error} retry={() => void me.refetch()} /> : <Loading />;
	return (
		<div className={page.page}>
			<header className={page.head}>
				<h1 className={page.title}>{t('account.title')}</h1>
				<span className={page.grow} />
				<Button icon="out" onPress={() => void signOut()}>
					{t('nav.signOut')}
				</Button>
			</header>
			<div className={css.columns}>
				<You key={me.data.name} me={me.data} />
				<Reading me={me.data} />
				<Password />
			</div>
			<Sessions />
			<Tokens />
		</div>
	);
}

function You({ me }: { me: Me }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const groups = useQuery(groupsQuery).data ?? [];
	const [name, setName] = useState(me.name);
	const [theme, setTheme] = useState(storedTheme);
	const save = useMutation({
		mutationFn: () => request<Me>('PATCH', '/me', { body: { name } }),
		onSuccess: (now) => queries.setQueryData(meQuery.queryKey, now),
	});
	return (
		<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
			<h2 className={page.section}>{t('account.you')}</h2>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					save.mutate();
				}}
			>
				<TextField label={t('account.name')} value={name} onChange={setName} isRequired autoComplete="name" />
				<dl className={css.facts}>
					<dt>{t('account.login')}</dt>
					<dd className={page.mono}>{me.login}</dd>
					<dt>{t('account.rights')}</dt>
					<dd>
						<Rights roles={me.roles} groups={groups} />
					</dd>
				</dl>
				<Select
					label={t('account.theme')}
					value={theme}
					options={themes.map((id) => ({ id, label: t(themeLabel[id]) }))}
					onChange={(id) => {
						applyTheme(id);
						setTheme(id);
					}}
				/>
				<Problem error={save.error} />
				<div className={page.buttons}>
					<Button kind="primary" type="submit" isDisabled={save.isPending || name.trim() === '' || name === me.name}>
						{t('save')}
					</Button>
				</div>
			</form>
		</section>
	);
}

function Password() {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const [current, setCurrent] = useState('');
	const [password, setPassword] = useState('');
	const [again, setAgain] = useState('');
	const change = useMutation({
		mutationFn: () => request('POST', '/me/password', { body: { current, password } }),
		onSuccess: () => {
			setCurrent('');
			setPassword('');
			setAgain('');
			void queries.invalidateQueries({ queryKey: ['own-sessions'] });
		},
	});
	const fields = fieldErrors(change.error);
	const differs = again !== '' && again !== password;
	return (
		<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
			<h2 className={page.section}>{t('account.password')}</h2>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					change.mutate();
				}}
			>
				<TextField
					label={t('account.current')}
					type="password"
					value={current}
					onChange={setCurrent}
					autoComplete="current-password"
					error={fields.get('current')}
				/>
				<TextField
					label={t('account.new')}
					type="password"
					value={password}
					onChange={setPassword}
					autoComplete="new-password"
					hint={t('account.rule')}
					error={fields.get('password')}
				/>
				<TextField
					label={t('account.again')}
					type="password"
					value={again}
					onChange={setAgain}
					autoComplete="new-password"
					error={differs ? t('account.differs') : undefined}
				/>
				<Problem error={change.error} shown={['current', 'password']} />
				{change.isSuccess && (
					<p role="status" className={css.good}>
						{t('account.changed')}
					</p>
				)}
				<div className={page.buttons}>
					<Button
						kind="primary"
						type="submit"
						isDisabled={change.isPending || current === '' || password.length < LEAST || again !== password}
					>
						{t('account.change')}
					</Button>
				</div>
			</form>
		</section>
	);
}

/** "Chrome, Linux" is all that one needs to know it again. */
function browserOf(agent: string | null): string | undefined {
	if (agent === null || agent === '') return undefined;
	const browser =
		['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'].find((b) => agent.includes(b)) ?? agent.split('/')[0] ?? agent;
	const system = ['iPhone', 'iPad', 'Android', 'Windows', 'Mac OS', 'Linux'].find((s) => agent.includes(s));
	return [{ Edg: 'Edge', OPR: 'Opera' }[browser] ?? browser, system].filter((s) => s !== undefined).join(', ');
}

function Sessions() {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const sessions = useQuery(sessionsQuery);
	const end = useMutation({
		mutationFn: (id: string) => request('DELETE', `/me/sessions/${id}`),
		onSettled: () => queries.invalidateQueries({ queryKey: ['own-sessions'] }),
	});
	return (
		<section className={page.card}>
			<h2 className={css.cardTitle}>{t('account.sessions')}</h2>
			<Problem error={end.error} />
			{sessions.data === undefined ? (
				sessions.isError ? (
					<Broken error={sessions.error} retry={() => void sessions.refetch()} />
				) : (
					<Loading lines={3} />
				)
			) : (
				<ul className={css.sessions}>
					{sessions.data.map((s) => (
						<li key={s.id}>
							<span className={css.browser}>
								<strong>{browserOf(s.userAgent) ?? t('account.program')}</strong>
								{s.address !== null && <span className={page.soft}>{t('account.from', { address: s.address })}</span>}
							</span>
							<span className={page.faint}>
								{t('account.seen')} <Ago at={Date.parse(s.seenAt)} sentence />
							</span>
							{s.kind === 'display' && <Chip>{t('account.display')}</Chip>}
							{s.current ? (
								<Chip tone="good">{t('account.this')}</Chip>
							) : (
								<Button onPress={() => end.mutate(s.id)}>{t('account.end')}</Button>
							)}
						</li>
					))}
				</ul>
			)}
		</section>
	);
}
