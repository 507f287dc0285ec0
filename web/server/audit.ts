/** The audit log: who did what to what. Append only; a password or a token is never among the details. */
import type { Kysely, Transaction } from 'kysely';
import type { Deed } from '../shared/deeds.ts';
import type { Tables } from './tables.ts';

export interface Entry {
	/** What was done. */
	action: Deed;
	user: { id: string; login: string } | null;
	address: string | null;
	requestId: string | null;
	/** Without an id: several, which the details name. */
	object?: { kind: string; id: string | null } | undefined;
	details?: Record<string, unknown> | undefined;
}

/** So many devices of one change are named, as `devices` of the details, by which the log is searched. */
export const MOST_AUDITED = 1000;

export async function writeAudit(db: Kysely<Tables> | Transaction<Tables>, deed: Entry): Promise<void> {
	await db
		.insertInto('omnitrack.audit')
		.values({
			user_id: deed.user?.id ?? null,
			user_name: deed.user?.login ?? null,
			address: deed.address,
			action: deed.action,
			object_kind: deed.object?.kind ?? null,
			object_id: deed.object?.id ?? null,
			request_id: deed.requestId,
			details: deed.details === undefined ? null : JSON.stringify(deed.details),
		})
		.execute();
}
