/** gateways: who writes to this database, whether it lives, and what its /status says. */
import { sql } from 'kysely';
import { z } from 'zod';
import { Gateway } from '../../shared/operations.ts';
import { page } from '../../shared/schemas.ts';
import type { App } from '../context.ts';
import { route } from '../http/route.ts';
import { acksOf, reportOf, Samples, Status } from './gateway_report.ts';
import { iso, isoOrNull } from './lists.ts';

const ASK_MS = 3000;
const MAX_STATUS = 1_000_000;

/** The text of an answer; null: it is longer than it may be, and the rest is not read. */
export async function textOf(answer: Response, most: number): Promise<string | null> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of answer.body ?? []) {
		bytes += chunk.byteLength;
		// Leaving the loop cancels the body.
		if (bytes > most) return null;
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString('utf8');
}

interface Answer {
	name: string;
	status: Record<string, unknown> | null;
	report: z.input<typeof Gateway>['report'];
	error: string | null;
}

async function fetched(url: string): Promise<string> {
	const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_MS), redirect: 'error' });
	const text = await textOf(answer, MAX_STATUS);
	if (text === null) throw new Error('its answer is too long');
	return text;
}

/** Each process compares with what it was told itself. */
const samples = new Samples();

/** What a configured gateway says; which gateway that is, it says itself. */
async function ask(name: string, url: string): Promise<Answer> {
	try {
		const [text, metrics] = await Promise.all([fetched(`${url}/status`), fetched(`${url}/metrics`)]);
		const status = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
		const known = Status.safeParse(status);
		// One of another version may say it in another way.
		if (!known.success) return { name, status, report: null, error: null };
		const sample = {
			at: Date.now(),
			started: known.data.started,
			records: known.data.totals.records,
			acks: acksOf(metrics),
		};
		return { name, status, report: reportOf(known.data, samples.take(url, sample), sample), error: null };
	} catch (error) {
		const cause =
			error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
		return { name, status: null, report: null, error: `it does not answer: ${cause}` };
	}
}

/** Which gateway has answered at an address: one that doesn't any more is still that one. */
const ids = new Map<string, string>();

async function asked(app: App): Promise<Map<string, Answer>> {
	const { gateways } = app.config;
	const answers = await Promise.all(gateways.map((g) => ask(g.name, g.url)));
	return new Map(
		answers.map((answer, i) => {
			const url = gateways[i]?.url ?? '';
			const said = answer.status?.['gateway_id'];
			if (typeof said === 'string' && said !== '') ids.set(url, said);
			return [ids.get(url) ?? answer.name, answer];
		}),
	);
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
				asked: answers.has(r.id),
				report: answers.get(r.id)?.report ?? null,
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
						asked: true,
						report: a.report,
						status: a.status,
						error: a.error ?? 'it does not write to this database',
					});
			return { items, next: null };
		},
	}),
];
