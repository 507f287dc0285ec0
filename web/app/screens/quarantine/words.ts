/** What the gateway books about a frame, in the reader's language: reasons, codecs, results. */
import { useTranslation } from 'react-i18next';
import type { Frame } from '../../api/quarantine.ts';

/** Why a frame is there; the gateway's words for it. */
export const reasons = ['count', 'structure', 'crc', 'content', 'codec', 'unknown_codec', 'message'] as const;
export type Reason = (typeof reasons)[number];

export function useReason(): (reason: string) => { name: string; help: string } {
	const { t } = useTranslation();
	return (said) => {
		const reason = reasons.find((r) => r === said);
		return reason === undefined
			? { name: said, help: '' }
			: { name: t(`quarantine.reason.${reason}`), help: t(`quarantine.reasonHelp.${reason}`) };
	};
}

const codecNames = new Map([
	[0x08, '8'],
	[0x8e, '8E'],
	[0x10, '16'],
]);

export function codecName(codec: number | null): string {
	if (codec === null) return '';
	return codecNames.get(codec) ?? (codec >= 12 && codec <= 15 ? String(codec) : `0x${codec.toString(16)}`);
}

const DECODED = /^decoded: (\d+) stored, (\d+) were there already$/;

/** How far it is: nothing asked, waiting for a gateway, or what became of it. */
/** `said` is in the gateway's own words. */
export interface Course {
	text: string;
	tone: 'plain' | 'good' | 'warning' | 'info';
	said?: true;
}

export function useCourse(): (frame: Frame) => Course | null {
	const { t } = useTranslation();
	return (frame) => {
		if (frame.request !== null)
			return { text: t(frame.request === 'decode' ? 'quarantine.willDecode' : 'quarantine.willDrop'), tone: 'info' };
		if (frame.result === null) return frame.decodedAt === null ? null : { text: t('quarantine.done'), tone: 'good' };
		const decoded = DECODED.exec(frame.result);
		if (decoded !== null)
			return { text: t('quarantine.decoded', { stored: decoded[1], known: decoded[2] }), tone: 'good' };
		if (frame.result === 'dropped') return { text: t('quarantine.dropped'), tone: 'plain' };
		return { text: frame.result, tone: 'warning', said: true };
	};
}
