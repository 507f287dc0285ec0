/**
 * fleet/silent: Fleet health. Who is silent for longer than their own rhythm allows, who was never seen, has no fix, a wrong
 * clock, frames in quarantine, or commands that wait. Silence is judged by telematics_silence(), as tgctl why --all does.
 */
import { sql } from 'kysely';
import { z } from 'zod';
import { groupsFor } from '../../shared/permissions.ts';
import { Silent, SilentDevice, silentKinds, SilentQuery } from '../../shared/operations.ts';
import { silenceSteps, stepOf } from '../../shared/silence.ts';
import type { App } from '../context.ts';
import type { Person } from '../directory.ts';
import type { Inventory } from '../fleet/columns.ts';
import { compiled } from '../db.ts';
import { Flag } from '../fleet/decode.ts';
import { decodeCursor, encodeCursor } from '../fleet/search.ts';
import { route } from '../http/route.ts';
import { Problem, unfit } from '../problem.ts';
import { groupsWithin, isoOfMs } from './lists.ts';

type Kind = (typeof silentKinds)[number];

interface Entry {
	place: number;
	id: bigint;
	/** Milliseconds; NaN: not known. */
	since: number;
	moving: boolean | null;
	usualGap: number | null;
	patience: number | null;
	count: number | null;
}

type Health = Record<Kind, Entry[]> & { at: number; strangers: { refused: number; frames: number } };

/** All are asked for at once, by whoever comes; nobody needs it fresher. */
const KEEP_MS = 10_000;
/** A command that has waited for so long is stuck. */
const STUCK = '1 hour';

const Row = z.object({
	id: z.string(),
	kind: z.enum(silentKinds),
	since: z.number().nullable(),
	moving: z.boolean().nullable(),
	gap: z.number().nullable(),
	patience: z.number().nullable(),
	many: z.number().nullable(),
});

const QUESTION = sql`
	SELECT device_id::text AS id, CASE WHEN seen THEN 'silent' ELSE 'never' END AS kind,
		extract(epoch FROM since)::float8 * 1000 AS since, moving, usual_gap_s::float8 AS gap,
		CASE WHEN seen THEN patience_s::float8 END AS patience, NULL::integer AS many
	FROM telematics_silence() WHERE silent
	UNION ALL
	SELECT d.id::text, 'quarantined', min(extract(epoch FROM r.received_at))::float8 * 1000, NULL, NULL, NULL, count(*)::integer
	FROM device_ingest_raw r JOIN devices d ON d.imei = r.imei
	WHERE r.reason <> 'raw' AND r.decoded_at IS NULL GROUP BY d.id
	UNION ALL
	SELECT d.id::text, 'commands', min(extract(epoch FROM c.created_at))::float8 * 1000, NULL, NULL, NULL, count(*)::integer
	FROM device_commands c JOIN devices d ON d.imei = c.imei
	WHERE c.status IN ('pending', 'sent') AND c.created_at < now() - ${STUCK}::interval GROUP BY d.id`;

/** Who calls and has no right to, and what is kept of them. Of a refused tracker that was registered since, nothing. */
const STRANGERS = sql`
	SELECT (SELECT count(*)::integer FROM rejected_devices r LEFT JOIN devices d ON d.imei = r.imei
			WHERE d.id IS NULL OR NOT d.enabled) AS refused,
		(SELECT count(*)::integer FROM device_ingest_raw r LEFT JOIN devices d ON d.imei = r.imei
			WHERE r.reason <> 'raw' AND r.decoded_at IS NULL AND d.id IS NULL) AS frames`;
const Strangers = z.object({ refused: z.int(), frames: z.int() });

async function look(app: App): Promise<Health> {
	const strangers = await app.database.read.query<Record<string, unknown>>(compiled(STRANGERS));
	const health: Health = {
		at: app.fleet.now(),
		strangers: Strangers.parse(strangers.rows[0]),
		silent: [],
		never: [],
		nofix: [],
		clock: [],
		quarantined: [],
		commands: [],
	};
	const { columns } = app.fleet;
	const found = await app.database.read.query<Record<string, unknown>>(compiled(QUESTION));
	for (const raw of found.rows) {
		const row = Row.parse(raw);
		const id = BigInt(row.id);
		const place = columns.places.get(id);
		if (place === undefined) continue;
		const { moving, gap: usualGap, patience, many: count } = row;
		health[row.kind].push({ place, id, since: row.since ?? NaN, moving, usualGap, patience, count });
	}
	const plain = { moving: null, usualGap: null, patience: null, count: null };
	for (const [id, place] of columns.places) {
		// As the map shows it: online, and the newest record has no fix.
		if (columns.stateOf(place) === 'nofix')
			health.nofix.push({ place, id, since: columns.fixAt[place] ?? NaN, ...plain });
		if (((columns.flags[place] ?? 0) & Flag.clockAhead) !== 0)
			health.clock.push({ place, id, since: columns.recordAt[place] ?? NaN, ...plain });
	}
	for (const kind of silentKinds) health[kind].sort(order);
	return health;
}

/** The longest first; whose beginning isn't known come last. */
function order(a: Pick<Entry, 'since' | 'id'>, b: Pick<Entry, 'since' | 'id'>): number {
	const [x, y] = [Number.isNaN(a.since) ? Infinity : a.since, Number.isNaN(b.since) ? Infinity : b.since];
	return x !== y ? (x < y ? -1 : 1) : a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

const held = new WeakMap<App, { at: number; health: Promise<Health> }>();

function healthOf(app: App): Promise<Health> {
	const before = held.get(app);
	if (before !== undefined && Date.now() - before.at < KEEP_MS) return before.health;
	const health = look(app);
	held.set(app, { at: Date.now(), health });
	// What failed is asked for again by the next.
	health.catch(() => held.delete(app));
	return health;
}

/** How long; null: its beginning isn't known. */
function secondsOf(entry: Entry, now: number): number | null {
	return Number.isNaN(entry.since) ? null : Math.max(0, Math.round((now - entry.since) / 1000));
}

function isWithin(seconds: number | null, query: z.output<typeof SilentQuery>): boolean {
	const { overS, underS } = query;
	if (overS === undefined && underS === undefined) return true;
	return seconds !== null && seconds >= (overS ?? 0) && seconds < (underS ?? Infinity);
}

function stepsOf(entries: readonly Entry[], now: number): { fromS: number; devices: number }[] {
	const steps = silenceSteps.map((fromS) => ({ fromS, devices: 0 }));
	for (const entry of entries) {
		const seconds = secondsOf(entry, now);
		const step = seconds === null ? undefined : steps[stepOf(seconds)];
		if (step !== undefined) step.devices++;
	}
	return steps;
}

type Seen = (device: Inventory | null | undefined, id: bigint) => boolean;

/** Is a device one's own, and of the groups that were asked for? Its place may be another device's by now. */
function seenBy(app: App, person: Person, groups: string[] | undefined): Seen {
	const mine = groupsFor(person, 'device.read', app.directory.parents);
	const asked = groupsWithin(app.directory, groups);
	return (device, id) => {
		if (!device || device.id !== id) return false;
		const within = (some: ReadonlySet<string> | null) =>
			some === null || (device.group !== null && some.has(device.group));
		return within(mine) && within(asked);
	};
}

function countsOf(app: App, health: Health, seen: Seen) {
	const { inventory, places } = app.fleet.columns;
	const ill = new Set<bigint>();
	const counts = {} as Record<Kind, number>;
	for (const kind of silentKinds) {
		const some = health[kind].filter((entry) => seen(inventory[entry.place], entry.id));
		counts[kind] = some.length;
		for (const entry of some) if (inventory[entry.place]?.enabled === true) ill.add(entry.id);
	}
	let devices = 0;
	for (const [id, place] of places) {
		const device = inventory[place];
		if (device?.enabled === true && seen(device, id)) devices++;
	}
	return { devices, ill: ill.size, counts };
}

function view(app: App, entry: Entry, now: number): z.input<typeof SilentDevice> | null {
	const device = app.fleet.columns.inventory[entry.place];
	// The place may be another device's by now.
	if (device?.id !== entry.id) return null;
	const forS = secondsOf(entry, now);
	return {
		device: device.id.toString(),
		imei: device.imei,
		name: device.name,
		plate: device.plate,
		model: device.model,
		group: device.group,
		since: isoOfMs(entry.since),
		forS,
		moving: entry.moving,
		usualGapS: entry.usualGap,
		patienceS: entry.patience,
		times: forS !== null && entry.patience ? Math.round((10 * forS) / entry.patience) / 10 : null,
		count: entry.count,
	};
}

export const silentRoutes = [
	route({
		method: 'get',
		path: '/fleet/silent',
		action: 'fleet.silent',
		tag: 'fleet',
		summary: 'Fleet health: who is silent against their own rhythm, never seen, without a fix ...; the longest first',
		query: SilentQuery,
		answer: Silent,
		passive: true,
		async handler({ app, query, who, may }) {
			if (!app.fleet.loaded)
				throw new Problem(503, 'The fleet is being loaded', { detail: 'Try again in a few seconds.' });
			const after = query.cursor === undefined ? null : decodeCursor(query.cursor);
			if (query.cursor !== undefined && after === null)
				throw unfit('cursor', 'not a cursor of ours: give what stood in next, or none');
			const health = await healthOf(app);
			const seen = seenBy(app, who(), query.group);
			const isSeen = (entry: Entry) => seen(app.fleet.columns.inventory[entry.place], entry.id);
			const listed = health[query.kind].filter(isSeen);
			const now = app.fleet.now();
			const last = after === null ? null : { since: after.number < 0 ? NaN : after.number, id: after.id };
			const asked = listed.filter((e) => isWithin(secondsOf(e, now), query));
			const rest = asked.filter((e) => last === null || order(e, last) > 0);
			const page = rest.slice(0, query.limit);
			const end = page.at(-1);
			return {
				at: new Date(health.at).toISOString(),
				...countsOf(app, health, seen),
				steps: stepsOf(listed, now),
				strangers: may('refused.list') ? health.strangers : null,
				items: page.flatMap((entry) => view(app, entry, now) ?? []),
				next:
					end && rest.length > page.length
						? encodeCursor({ number: Number.isNaN(end.since) ? -1 : end.since, text: '', id: end.id })
						: null,
			};
		},
	}),
];
