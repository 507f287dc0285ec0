/**
 * What a gateway says of itself, in the few figures that one asks for: of its /status, and of two answers of its /metrics
 * what lies between them (records a second, the 99th percentile of acknowledging). Pure.
 */
import { z } from 'zod';
import { Retention, type GatewayReport } from '../../shared/operations.ts';

const Count = z.number().min(0);
const Worker = z.object({
	slot: z.int(),
	state: z.string(),
	current: z.boolean(),
	accepting: z.boolean(),
	database_up: z.boolean(),
	connections: Count,
	records_in_flight: Count,
	restarts: Count,
	heartbeat_age: z.number().nullable(),
	reason: z.string(),
});
/** As master/metrics.c writes it. */
export const Status = z.object({
	gateway_id: z.string(),
	version: z.string(),
	started: z.number(),
	ready: z.boolean(),
	reason: z.string(),
	stopping: z.boolean(),
	restarts: Count,
	listen: z.array(z.string()),
	clock_offset: z.number().nullable(),
	reload: z.object({
		finished: z.number().nullable(),
		ok: z.boolean(),
		error: z.string().nullable(),
		asked: Count,
		answered: Count,
	}),
	totals: z.object({ records: Count, in_flight: Count, db_up: z.boolean() }),
	// Gateways of before don't say it.
	retention_days: Retention.optional(),
	workers: z.array(Worker),
});

/** At one time: how many records there were, and how many answers took no longer than each bound, in seconds. */
export interface Sample {
	at: number;
	/** A gateway that was started anew counts from zero. */
	started: number;
	records: number;
	acks: ReadonlyMap<number, number>;
}

const BUCKET = /^telematics_ack_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm;

export function acksOf(metrics: string): Map<number, number> {
	const acks = new Map<number, number>();
	for (const [, bound = '', count] of metrics.matchAll(BUCKET))
		acks.set(bound === '+Inf' ? Infinity : Number(bound), Number(count));
	return acks;
}

/** As Prometheus' histogram_quantile(): within a bucket as if they lay evenly. Null: there were none. */
export function quantile(
	q: number,
	before: ReadonlyMap<number, number>,
	now: ReadonlyMap<number, number>,
): number | null {
	const bounds = [...now.keys()].sort((a, b) => a - b);
	const upTo = (bound: number) => (now.get(bound) ?? 0) - (before.get(bound) ?? 0);
	const wanted = q * upTo(Infinity);
	if (!(wanted > 0)) return null;
	let [low, below] = [0, 0];
	for (const bound of bounds) {
		const count = upTo(bound);
		if (count >= wanted)
			return bound === Infinity ? low : low + ((bound - low) * (wanted - below)) / Math.max(1, count - below);
		[low, below] = [bound, count];
	}
	return low;
}

/** Between two samples of one run; null: there is no earlier one. */
function paceOf(before: Sample | null, now: Sample) {
	const none = { recordsPerS: null, ackP99Ms: null, overS: null };
	if (before === null || before.started !== now.started || before.at >= now.at) return none;
	const overS = (now.at - before.at) / 1000;
	const p99 = quantile(0.99, before.acks, now.acks);
	return {
		recordsPerS: Math.max(0, (now.records - before.records) / overS),
		ackP99Ms: p99 === null ? null : p99 * 1000,
		overS,
	};
}

export function reportOf(
	s: z.output<typeof Status>,
	before: Sample | null,
	now: Sample,
): z.input<typeof GatewayReport> {
	return {
		version: s.version,
		startedAt: new Date(s.started * 1000).toISOString(),
		listen: s.listen,
		ready: s.ready,
		reason: s.ready ? null : s.reason,
		stopping: s.stopping,
		databaseUp: s.totals.db_up,
		connections: s.workers.reduce((sum, w) => sum + w.connections, 0),
		recordsInFlight: s.totals.in_flight,
		restarts: s.restarts,
		clockOffsetS: s.clock_offset,
		...paceOf(before, now),
		reload: {
			finishedAt: s.reload.finished === null ? null : new Date(s.reload.finished * 1000).toISOString(),
			ok: s.reload.ok,
			error: s.reload.error,
			asked: s.reload.asked,
			answered: s.reload.answered,
		},
		retentionDays: s.retention_days ?? null,
		workers: s.workers.map((w) => ({
			slot: w.slot,
			state: w.state,
			current: w.current,
			accepting: w.accepting,
			databaseUp: w.database_up,
			connections: w.connections,
			recordsInFlight: w.records_in_flight,
			restarts: w.restarts,
			heartbeatAgeS: w.heartbeat_age,
			reason: w.reason === '' ? null : w.reason,
		})),
	};
}

/** Samples of each gateway, so that the next question has something to compare with. */
export class Samples {
	readonly #kept = new Map<string, Sample[]>();
	readonly #windowMs: number;

	constructor(windowMs = 60_000) {
		this.#windowMs = windowMs;
	}

	/** The oldest of the window, to compare with; the new one is kept. */
	take(url: string, sample: Sample): Sample | null {
		const kept = (this.#kept.get(url) ?? []).filter(
			(s) => s.started === sample.started && s.at > sample.at - this.#windowMs && s.at < sample.at,
		);
		this.#kept.set(url, [...kept, sample].slice(-100));
		return kept[0] ?? null;
	}
}
