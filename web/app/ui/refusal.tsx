/** Why a device is left out of what is done to many, in the page's words. */
import { useTranslation } from 'react-i18next';
import type { Refusal } from '../../shared/schemas.ts';

export function Reason({ refusal }: { refusal: Refusal | null }) {
	const { t } = useTranslation();
	return refusal === null ? null : t(`refusal.${refusal}`);
}
