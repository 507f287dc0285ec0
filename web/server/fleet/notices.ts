/** What the channels telematics_web and telematics_command_status say (migrations 0011 and 0015). Pure. */
import type { CommandChange } from '../../shared/live.ts';
import { CommandStatus } from '../../shared/schemas.ts';

export type Kind = 'user' | 'group' | 'device' | 'session';

export interface Notice {
	kind: Kind;
	/** '*': many, look at all. */
	ids: string[] | '*';
}

// As in the API. One that bigint can't hold would have the database refuse the others that are asked for with it.
const ID = /^[1-9]\d{0,17}$/;
const NOTICE = /^(user|group|device|session):(\*|[1-9]\d{0,17}(?:,[1-9]\d{0,17})*)$/;

/** KIND:ID,ID,... or KIND:*; null: nothing of ours. */
export function parseNotice(payload: string): Notice | null {
	const m = NOTICE.exec(payload);
	if (m === null) return null;
	return { kind: m[1] as Kind, ids: m[2] === '*' ? '*' : (m[2] ?? '').split(',') };
}

/** id:status,...; ",*" at the end: and others. Null: nothing of ours. */
export function parseCommands(payload: string): { changes: Omit<CommandChange, 'device'>[]; more: boolean } | null {
	const changes: Omit<CommandChange, 'device'>[] = [];
	let more = false;
	for (const part of payload.split(',')) {
		if (part === '*') {
			more = true;
			continue;
		}
		const [id, word] = part.split(':');
		const status = CommandStatus.safeParse(word);
		if (id === undefined || !ID.test(id) || !status.success) return null;
		changes.push({ id, status: status.data });
	}
	return { changes, more };
}
