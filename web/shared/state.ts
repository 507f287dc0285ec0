/**
 * The five states of a device, by one pure function that the server, the browser and exports share.
 *
 * In this order: out (disabled, refused, or never seen), silent, online without a fix, moving, standing. Times are
 * milliseconds since the epoch by the database's clock.
 */

export const states = ['out', 'silent', 'nofix', 'moving', 'standing'] as const;
export type State = (typeof states)[number];

/** Why a device is out. */
export const outReasons = ['disabled', 'refused', 'never'] as const;
export type OutReason = (typeof outReasons)[number];

/** At this speed and above, in km/h, a device without a movement element moves. */
export const MOVING_SPEED = 5;
/** A device is never called silent before this time, and a moving one without a rhythm is at it. */
export const SILENT_MIN_MS = 10 * 60_000;
/** A standing device without a rhythm is silent after this time. */
export const SILENT_STANDING_MS = 24 * 3_600_000;

export interface StateFacts {
	enabled: boolean;
	/** It was refused since it was last let in. */
	refused: boolean;
	/** Its last word that counts: silence is of records, pings alone don't end it. Null: never seen. */
	saidAt: number | null;
	/** The newest record has a valid fix. */
	fix: boolean;
	/** km/h of the last fix. */
	speed: number | null;
	/** The movement element; null where it isn't sent. */
	movement: boolean | null;
	/** Milliseconds after which it is silent, by its rhythm while moving and while standing; null: no rhythm yet. */
	silentMoving: number | null;
	silentStanding: number | null;
}

export function isMoving(f: Pick<StateFacts, 'speed' | 'movement'>): boolean {
	return f.movement ?? (f.speed !== null && f.speed >= MOVING_SPEED);
}

/** How long it may say nothing. */
export function silentAfter(f: Pick<StateFacts, 'speed' | 'movement' | 'silentMoving' | 'silentStanding'>): number {
	const own = isMoving(f) ? (f.silentMoving ?? SILENT_MIN_MS) : (f.silentStanding ?? SILENT_STANDING_MS);
	return Math.max(own, SILENT_MIN_MS);
}

export function outReason(f: Pick<StateFacts, 'enabled' | 'refused' | 'saidAt'>): OutReason | null {
	if (!f.enabled) return 'disabled';
	if (f.refused) return 'refused';
	return f.saidAt === null ? 'never' : null;
}

export function stateOf(f: StateFacts, now: number): State {
	if (outReason(f) !== null || f.saidAt === null) return 'out';
	if (now - f.saidAt > silentAfter(f)) return 'silent';
	if (!f.fix) return 'nofix';
	return isMoving(f) ? 'moving' : 'standing';
}
