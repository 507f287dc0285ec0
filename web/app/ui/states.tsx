/** What a screen says when it has nothing to show: loading, empty, forbidden, broken. Never a blank page. */
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client.ts';
import { Button } from './controls.tsx';
import { Icon, type IconName } from './icons.tsx';
import css from './states.module.css';

export function Notice({
	icon,
	title,
	children,
	action,
}: {
	icon?: IconName;
	title: string;
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

/** By what went wrong: no right, not there, the database away, no connection, a fault of ours. */
export function Broken({ error, retry }: { error: unknown; retry?: () => void }) {
	const { t } = useTranslation();
	const again = retry !== undefined && <Button onPress={retry}>{t('tryAgain')}</Button>;
	if (error instanceof ApiProblem) {
		if (error.status === 403)
			return (
				<Notice icon="key" title={t('broken.forbidden')}>
					{t('broken.forbiddenHelp')}
				</Notice>
			);
		if (error.status === 404)
			return (
				<Notice icon="question" title={t('broken.missing')}>
					{t('broken.missingHelp')}
				</Notice>
			);
		if (error.status === 503)
			return (
				<Notice icon="warning" title={error.title} action={again}>
					{error.detail ?? t('broken.awayHelp')}
				</Notice>
			);
		return (
			<Notice icon="warning" title={error.title} action={again}>
				{error.detail !== undefined && <p>{error.detail}</p>}
				{error.requestId !== undefined && <p className={css.small}>{t('broken.request', { id: error.requestId })}</p>}
			</Notice>
		);
	}
	return (
		<Notice icon="signal" title={t('broken.offline')} action={again}>
			{t('broken.offlineHelp')}
		</Notice>
	);
}

/** One line above a form or a table: something failed, what to do. */
export function Problem({ error }: { error: unknown }) {
	const { t } = useTranslation();
	if (error === null || error === undefined) return null;
	const text =
		error instanceof ApiProblem
			? [error.title, error.detail].filter((s) => s !== undefined).join(' ')
			: t('broken.offlineHelp');
	return (
		<p className={css.problem} role="alert">
			<Icon name="warning" size={16} /> <span>{text}</span>
		</p>
	);
}
