/** One event as it is said, whichever list it stands in; the view device_events has it. */
import { sql, type RawBuilder } from 'kysely';
import { severities } from '../../shared/operations.ts';

/** What a list selects of it. */
export interface EventRow {
	recorded_at: Date;
	received_at: Date;
	name: string | null;
	kind: string | null;
	severity: string | null;
	value: number | null;
	unit: string | null;
	label: string | null;
	text: string | null;
	event_io_id: number;
	latitude: number;
	longitude: number;
	valid: boolean;
	/** The cursor behind it. */
	key: string;
}

export function eventView(row: EventRow) {
	return {
		at: row.recorded_at.toISOString(),
		receivedAt: row.received_at.toISOString(),
		kind: row.kind ?? `io_${row.event_io_id}`,
		name: row.name,
		severity: row.severity ?? 'info',
		value: row.value,
		text: row.text,
		unit: row.unit,
		label: row.label,
		latitude: row.valid ? row.latitude : null,
		longitude: row.valid ? row.longitude : null,
	};
}

/**
 * Of these severities and kinds; all, where none are named. The statement calls the events `e`. What an event says is costly to
 * find out, so those that can't be what is asked for go by their element and priority first.
 */
export function eventsLike(query: {
	severity?: string[] | undefined;
	kind?: string[] | undefined;
}): RawBuilder<boolean> {
	return sql<boolean>`(${severityIs(query.severity)} AND ${kindIs(query.kind)})`;
}

function severityIs(severity: string[] | undefined): RawBuilder<unknown> {
	if (severity === undefined) return sql`true`;
	const least = Math.min(...severity.map((s) => severities.indexOf(s as (typeof severities)[number])));
	return sql`((e.priority >= ${least} OR e.event_io_id IN (SELECT w.id FROM avl_severities w WHERE w.severity >= ${least}))
		AND e.severity = ANY (${severity}::text[]))`;
}

/** `io_` and a number is one that the dictionary doesn't know. */
function kindIs(kind: string[] | undefined): RawBuilder<unknown> {
	if (kind === undefined) return sql`true`;
	const ids = kind.flatMap((k) => (/^io_[0-9]{1,5}$/.test(k) ? [Number(k.slice(3))] : []));
	return sql`((e.event_io_id = ANY (${ids}::integer[]) OR e.event_io_id IN (SELECT m.id FROM avl_parameters m
			WHERE m.name = ANY (${kind}::text[])
				OR EXISTS (SELECT FROM jsonb_each(m.events) AS v WHERE v.value ->> 0 = ANY (${kind}::text[]))))
		AND coalesce(e.kind, 'io_' || e.event_io_id) = ANY (${kind}::text[]))`;
}
