/** The audit log: who did what to what. Append only; a password or a token is never among the details. */
import type { Kysely, Transaction } from 'kysely';
import type { Tables } from './tables.ts';

export interface Deed {
	/** What was done, as "user.update". */
	action: string;
	user: { id: string; login: string } | null;
	address: string | null;
	requestId: string | null;
	object?: { kind: string; id: string } | undefined;
	details?: Record<string, unknown> | undefined;
}

export async function writeAudit(db: Kysely<Tables> | Transaction<Tables>, deed: Deed): Promise<void> {
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
