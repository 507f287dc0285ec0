/** What a screen says when it has nothing to show: loading, empty, forbidden, broken. Never a blank page. */
import { useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem, problemText, Unanswered } from '../api/client.ts';
import { Button } from './controls.tsx';
import { FromServer } from './from_server.tsx';
import { Icon, type IconName } from './icons.tsx';
import css from './states.module.css';

export function Notice({
	icon,
	title,
	children,
	action,
}: {
	icon?: IconName;
	title: ReactNode;
	children?: ReactNode;
	action?: ReactNode;
}) {
	return (
		<div className={css.notice}>
			{icon !== undefined && (
				<span className={css.icon}>
					<Icon name={icon} size={22} />
				</span>
			)}
			<h2 className={css.title}>{title}</h2>
			{children !== undefined && <div className={css.text}>{children}</div>}
			{action}
		</div>
	);
}

/** Grey lines where text will be, read aloud once. */
export function Loading({ lines = 6 }: { lines?: number }) {
	const { t } = useTranslation();
	return (
		<div className={css.loading} role="status" aria-label={t('state.loading')}>
			{Array.from({ length: lines }, (_, i) => (
				<span key={i} className={css.bar} />
			))}
		</div>
	);
}

const AGAIN_MS = 4000;

/** What goes away by itself: the server or its database can't be reached. */
function isAway(error: unknown): boolean {
	return error instanceof ApiProblem ? error.status === 503 || error.status === 502 : true;
}

/**
 * By what went wrong: no right, not there, the database away, no connection, a fault of ours. What is only away is asked
 * for again by itself.
 */
export function Broken({ error, retry }: { error: unknown; retry?: () => void }) {
	const { t } = useTranslation();
	const waits = retry !== undefined && isAway(error);
	const latest = useRef(retry);
	useEffect(() => {
		latest.current = retry;
	});
	useEffect(() => {
		if (!waits) return;
		const timer = setInterval(() => latest.current?.(), AGAIN_MS);
		return () => clearInterval(timer);
	}, [waits]);
	const again = retry !== undefined && <Button onPress={retry}>{t('tryAgain')}</Button>;
	if (error instanceof ApiProblem) {
		if (error.status === 403) return <Forbidden />;
		if (error.status === 404)
			return (
				<Notice icon="question" title={t('broken.missing')}>
					{t('broken.missingHelp')}
				</Notice>
			);
		if (error.status === 503)
			return (
				<Notice icon="warning" title={<FromServer>{error.title}</FromServer>} action={again}>
					{waits ? (
						t('broken.byItself')
					) : error.detail === undefined ? (
						t('broken.awayHelp')
					) : (
						<FromServer>{error.detail}</FromServer>
					)}
				</Notice>
			);
		return (
			<Notice icon="warning" title={<FromServer>{error.title}</FromServer>} action={again}>
				{error.detail !== undefined && (
					<p>
						<FromServer>{error.detail}</FromServer>
					</p>
				)}
				{error.requestId !== undefined && <p className={css.small}>{t('broken.request', { id: error.requestId })}</p>}
			</Notice>
		);
	}
	return (
		<Notice icon="signal" title={t('broken.offline')} action={again}>
			<p>{t('broken.offlineHelp')}</p>
			{waits && <p>{t('broken.byItself')}</p>}
		</Notice>
	);
}

/** The page isn't for this role. */
export function Forbidden() {
	const { t } = useTranslation();
	return (
		<Notice icon="key" title={t('broken.forbidden')}>
			{t('broken.forbiddenHelp')}
		</Notice>
	);
}

export function NoPage() {
	const { t } = useTranslation();
	return (
		<Notice icon="question" title={t('broken.noPage')}>
			{t('broken.noPageHelp')}
		</Notice>
	);
}

/** Where a part of a screen is missing: why, in one quiet line. */
export function Missing({ error }: { error: unknown }) {
	const { t } = useTranslation();
	return (
		<p className={css.missing}>
			{!(error instanceof ApiProblem) ? (
				t('broken.offline')
			) : error.status === 403 ? (
				t('broken.forbidden')
			) : (
				<FromServer>{error.title}</FromServer>
			)}
		</p>
	);
}

/**
 * One line above a form or a table: something failed, what to do. `shown`: fields of the form that say themselves what is
 * wrong with them.
 */
export function Problem({ error, shown }: { error: unknown; shown?: readonly string[] }) {
	const { t } = useTranslation();
	if (error === null || error === undefined) return null;
	if (!(error instanceof ApiProblem))
		return <Alert>{error instanceof Unanswered ? t('broken.unanswered') : t('broken.offlineHelp')}</Alert>;
	const text = problemText(error, shown);
	return (
		text !== null && (
			<Alert>
				<FromServer>{text}</FromServer>
			</Alert>
		)
	);
}

/** The same for what this page itself has to say. */
export function Alert({ children }: { children: ReactNode }) {
	return (
		<p className={css.problem} role="alert">
			<Icon name="warning" size={16} /> <span>{children}</span>
		</p>
	);
}
