/** gateways: who writes to this database, whether it lives, and what its /status says. */
import { sql } from 'kysely';
import { z } from 'zod';
import { Gateway, page } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { route } from '../http/route.ts';
import { iso, isoOrNull } from './lists.ts';

const ASK_MS = 3000;
const MAX_STATUS = 1_000_000;

/** What a configured gateway says; which gateway that is, it says itself. */
async function ask(url: string): Promise<{ status: Record<string, unknown> | null; error: string | null }> {
	try {
		const answer = await fetch(`${url}/status`, { signal: AbortSignal.timeout(ASK_MS), redirect: 'error' });
		const text = await answer.text();
		if (text.length > MAX_STATUS) return { status: null, error: 'its answer is too long' };
		return { status: z.record(z.string(), z.unknown()).parse(JSON.parse(text)), error: null };
	} catch (error) {
		const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
		return { status: null, error: `it does not answer: ${cause}` };
	}
}

async function asked(app: App) {
	const answers = await Promise.all(app.config.gateways.map(async (g) => ({ name: g.name, ...(await ask(g.url)) })));
	return new Map(answers.map((a) => [typeof a.status?.gateway === 'string' ? a.status.gateway : a.name, a]));
}

export const gatewayRoutes = [
	route({
		method: 'get',
		path: '/gateways',
		action: 'gateways.list',
		tag: 'gateways',
		summary: 'Gateways of this database, and what they say',
		answer: page(Gateway),
		async handler({ app }) {
			const answers = await asked(app);
			const found = await sql<{
				id: string;
				seen_at: Date;
				started_at: Date | null;
				alive: boolean;
				ahead: number | null;
				online: number;
			}>`
				SELECT g.id, g.seen_at, g.started_at, g.seen_at > now() - interval '60 s' AS alive,
					extract(epoch FROM g.clock_ahead)::float8 AS ahead,
					(SELECT count(*)::integer FROM device_online o WHERE o.online AND o.gateway = g.id) AS online
				FROM gateways g ORDER BY g.id`.execute(app.db);
			const items: z.input<typeof Gateway>[] = found.rows.map((r) => ({
				id: r.id,
				seenAt: iso(r.seen_at),
				startedAt: isoOrNull(r.started_at),
				alive: r.alive,
				clockAheadS: r.ahead,
				devicesOnline: r.online,
				status: answers.get(r.id)?.status ?? null,
				error: answers.get(r.id)?.error ?? null,
			}));
			const known = new Set(items.map((i) => i.id));
			for (const [id, a] of answers)
				if (!known.has(id))
					items.push({
						id,
						seenAt: null,
						startedAt: null,
						alive: a.error === null,
						clockAheadS: null,
						devicesOnline: 0,
						status: a.status,
						error: a.error ?? 'it does not write to this database',
					});
			return { items, next: null };
		},
	}),
];
