/** Why a session ended, in words, by the gateway's one word for it. */
import { useTranslation } from 'react-i18next';
import type { en } from '../i18n/en/index.ts';
import { asWords } from './readings.ts';

type Ending = keyof (typeof en)['ended'];

export function useEnding(): (reason: string) => string {
	const { t, i18n } = useTranslation();
	return (reason) => {
		const key = `ended.${reason}`;
		return i18n.exists(key) ? t(key as `ended.${Ending}`) : asWords(reason);
	};
}
