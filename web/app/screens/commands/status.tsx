/** The status of a command, honest: one that was sent and not answered may have run. */
import { useTranslation } from 'react-i18next';
import type { Command } from '../../api/queries.ts';
import { Chip } from '../../ui/text.tsx';

const tones = {
	pending: 'plain',
	sent: 'info',
	acked: 'good',
	failed: 'danger',
	expired: 'warning',
	cancelled: 'plain',
} as const;

export function mayHaveRun(c: Pick<Command, 'status' | 'attempts'>): boolean {
	return (c.status === 'failed' || c.status === 'expired' || c.status === 'cancelled') && c.attempts > 0;
}

export function CommandChip({ command }: { command: Pick<Command, 'status' | 'attempts'> }) {
	const { t } = useTranslation();
	const ran = mayHaveRun(command);
	return (
		<Chip tone={ran ? 'warning' : tones[command.status]}>
			{t(`commands.${command.status}`)}
			{ran && `, ${t('commands.mayHaveRun')}`}
		</Chip>
	);
}
