/** The sums of the time shown, and the rules that they follow. */
import { useTranslation } from 'react-i18next';
import type { History } from '../../api/history.ts';
import type { Words } from './words.ts';
import css from './summary.module.css';

export function Summary({ history, words }: { history: History; words: Words }) {
	const { t } = useTranslation();
	const facts = [
		['distance', words.distance(history.distanceM), null],
		['driving', words.lasting(history.movingS), null],
		[
			'standing',
			words.lasting(history.standingS),
			history.idleS === null || history.idleS < 60 ? null : words.lasting(history.idleS),
		],
		['fastest', words.speed(history.maxSpeed), null],
	] as const;
	return (
		<div className={css.summary}>
			<dl className={css.facts} aria-label={t('history.summary')}>
				{facts.map(([name, text, idle]) => (
					<div key={name}>
						<dt>{t(`history.${name}`)}</dt>
						<dd>
							{text}
							{idle !== null && (
								<span className={css.more}>
									{idle} {t('history.idle')}
								</span>
							)}
						</dd>
					</div>
				))}
			</dl>
			<details className={css.rules}>
				<summary>{t('history.rules')}</summary>
				<p>{t('history.rulesHelp')}</p>
			</details>
		</div>
	);
}
