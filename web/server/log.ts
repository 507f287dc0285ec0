/** The log: JSON a line, to standard output or to WEB_LOG_FILE, which SIGUSR1 opens anew. */
import pino, { type Logger } from 'pino';
import type { Config } from './config.ts';

export interface Log {
	log: Logger;
	reopen: () => void;
}

export function openLog(config: Pick<Config, 'WEB_LOG_FILE' | 'WEB_LOG_LEVEL'>): Log {
	const to = pino.destination({ dest: config.WEB_LOG_FILE ?? 1, sync: true, append: true, mkdir: false });
	const log = pino(
		{
			level: config.WEB_LOG_LEVEL,
			base: null,
			timestamp: pino.stdTimeFunctions.isoTime,
			messageKey: 'message',
			formatters: { level: (label) => ({ level: label }) },
			// What lets somebody in is never written.
			redact: { paths: ['*.password', '*.token', '*.cookie', '*.authorization'], censor: '(hidden)' },
		},
		to,
	);
	return { log, reopen: () => (config.WEB_LOG_FILE === undefined ? undefined : to.reopen(config.WEB_LOG_FILE)) };
}
