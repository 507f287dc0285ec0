/** One's API tokens: made for a program, shown once, ended here. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fieldErrors, request } from '../../api/client.ts';
import { tokensQuery, type NewToken, type Token } from '../../api/queries.ts';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { useCopy } from '../../ui/copy.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Broken, Loading, Problem } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { Ago, At, useNow } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';
import css from './account.module.css';

const lasting = ['7', '30', '90', '366'] as const;
/** Reading, or all that the user may. */
const scopes = { read: ['read'], write: ['read', 'write'] } as const;
type May = keyof typeof scopes;
const mayLabel = { read: 'tokens.read', write: 'tokens.write' } as const;

export function Tokens() {
	const { t } = useTranslation();
	const tokens = useQuery(tokensQuery);
	const [making, setMaking] = useState(false);
	const [made, setMade] = useState<NewToken | null>(null);
	const [ending, setEnding] = useState<Token | null>(null);
	return (
		<section className={page.card} aria-label={t('tokens.title')}>
			<header className={css.cardHead}>
				<h2>{t('tokens.title')}</h2>
				<p className={page.soft}>
					{t('tokens.help')} <a href="/api/docs">{t('tokens.docs')}</a>
				</p>
				<Button icon="plus" onPress={() => setMaking(true)}>
					{t('tokens.make')}
				</Button>
			</header>
			{tokens.data === undefined ? (
				tokens.isError ? (
					<Broken error={tokens.error} retry={() => void tokens.refetch()} />
				) : (
					<Loading lines={2} />
				)
			) : tokens.data.length === 0 ? (
				<p className={css.nothing}>{t('tokens.none')}</p>
			) : (
				<ul className={css.sessions}>
					{tokens.data.map((token) => (
						<Row key={token.id} token={token} onEnd={() => setEnding(token)} />
					))}
				</ul>
			)}
			{making && (
				<Make
					onClose={() => setMaking(false)}
					onMade={(token) => {
						setMaking(false);
						setMade(token);
					}}
				/>
			)}
			{made !== null && <Made token={made} onClose={() => setMade(null)} />}
			{ending !== null && <End token={ending} onClose={() => setEnding(null)} />}
		</section>
	);
}

function Row({ token, onEnd }: { token: Token; onEnd: () => void }) {
	const { t } = useTranslation();
	const over = Date.parse(token.expiresAt) < useNow();
	return (
		<li>
			<span className={css.browser}>
				<strong>{token.name}</strong>
				<span className={page.soft}>{t(mayLabel[token.scopes.includes('write') ? 'write' : 'read'])}</span>
			</span>
			<span className={css.dates}>
				<span>
					{t('tokens.used')}{' '}
					{token.lastUsedAt === null ? t('ago.never') : <Ago at={Date.parse(token.lastUsedAt)} sentence />}
				</span>
				<span>
					{over ? (
						<Chip tone="warning">{t('tokens.over')}</Chip>
					) : (
						<>
							{t('tokens.until')} <At at={token.expiresAt} />
						</>
					)}
				</span>
			</span>
			<Button aria-label={t('tokens.endThis', { name: token.name })} onPress={onEnd}>
				{t('tokens.end')}
			</Button>
		</li>
	);
}

function Make({ onClose, onMade }: { onClose: () => void; onMade: (token: NewToken) => void }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const [name, setName] = useState('');
	const [may, setMay] = useState<May>('read');
	const [days, setDays] = useState<(typeof lasting)[number]>('90');
	const make = useMutation({
		mutationFn: () =>
			request<NewToken>('POST', '/tokens', { body: { name, scopes: scopes[may], expiresInDays: Number(days) } }),
		onSuccess(token) {
			void queries.invalidateQueries({ queryKey: tokensQuery.queryKey });
			onMade(token);
		},
	});
	const fields = fieldErrors(make.error);
	return (
		<Dialog title={t('tokens.make')} isOpen onClose={onClose}>
			<form
				className={page.form}
				onSubmit={(event) => {
					event.preventDefault();
					make.mutate();
				}}
			>
				<TextField
					label={t('tokens.name')}
					value={name}
					onChange={setName}
					hint={t('tokens.nameHint')}
					maxLength={100}
					autoFocus
					autoComplete="off"
					error={fields.get('name')}
				/>
				<Select
					label={t('tokens.may')}
					value={may}
					options={(['read', 'write'] as const).map((id) => ({ id, label: t(mayLabel[id]) }))}
					onChange={setMay}
				/>
				<Select
					label={t('tokens.lasts')}
					value={days}
					options={lasting.map((id) => ({ id, label: t('tokens.days', { count: Number(id) }) }))}
					onChange={setDays}
				/>
				<Problem error={fields.has('name') ? null : make.error} />
				<div className={page.buttons}>
					<Button onPress={onClose}>{t('cancel')}</Button>
					<Button kind="primary" type="submit" isDisabled={make.isPending || name.trim() === ''}>
						{t('tokens.makeDo')}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

/** The one time that it is seen. */
function Made({ token, onClose }: { token: NewToken; onClose: () => void }) {
	const { t } = useTranslation();
	const { copied, copy } = useCopy(token.token);
	return (
		<Dialog title={t('tokens.madeTitle', { name: token.name })} isOpen onClose={onClose}>
			<div className={page.form}>
				<p>{t('tokens.madeHelp')}</p>
				<code className={css.secret}>{token.token}</code>
				<p className={page.soft}>
					{t('tokens.sendAs')} <code className={page.mono}>Authorization: Bearer …</code>
				</p>
				<div className={page.buttons}>
					<Button onPress={onClose}>{t('close')}</Button>
					<Button kind="primary" icon={copied ? 'check' : 'link'} onPress={copy}>
						{copied ? t('copied') : t('tokens.copy')}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}

function End({ token, onClose }: { token: Token; onClose: () => void }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const end = useMutation({
		mutationFn: () => request('DELETE', `/tokens/${token.id}`),
		onSuccess: onClose,
		onSettled: () => queries.invalidateQueries({ queryKey: tokensQuery.queryKey }),
	});
	return (
		<Dialog title={t('tokens.endTitle', { name: token.name })} isOpen onClose={onClose}>
			<div className={page.form}>
				<p>{t('tokens.endHelp')}</p>
				<Problem error={end.error} />
				<div className={page.buttons}>
					<Button onPress={onClose}>{t('cancel')}</Button>
					<Button kind="danger" isDisabled={end.isPending} onPress={() => end.mutate()}>
						{t('tokens.endDo')}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}
