/** The list that turns green while one sits in the car: what is known of a tracker, as steps. Pure. */
import type { DeviceState, Refused } from '../../api/queries.ts';

export const steps = ['registered', 'connected', 'records', 'fix', 'ignition'] as const;
export type Step = (typeof steps)[number];

/** What stands against it; null: it is done. Later ones wait for those before them. */
export type Against =
	| 'refused'
	| 'unknown'
	| 'disabled'
	| 'offline'
	| 'neverConnected'
	| 'noRecords'
	| 'oldRecords'
	| 'noFix'
	| 'oldFix'
	| 'noIgnition'
	| 'turnOn'
	| 'turnOff'
	| 'waits';

export interface Known {
	/** Undefined: nobody has registered it, or in a group of others. */
	state: DeviceState | undefined;
	/** Undefined: it was not refused lately, or one may not know. */
	refused: Refused | undefined;
	/** Ignition was seen on and off since the check began. */
	seenOn: boolean;
	seenOff: boolean;
	/** By the server's clock, as all times here. */
	now: number;
}

/** Older than that is from before the work. */
const FRESH_MS = 15 * 60_000;

function isFresh(at: string | null, now: number): boolean {
	return at !== null && now - Date.parse(at) < FRESH_MS;
}

/** When the newest record was made or came, with a fix or without; null: there is none. */
export function lastRecord(state: DeviceState): string | null {
	const times = [state.receivedAt, state.lastRecordAt].filter((at) => at !== null);
	return times.sort((a, b) => Date.parse(b) - Date.parse(a))[0] ?? null;
}

function connection({ session }: DeviceState): Against | null {
	if (session.online) return null;
	return session.disconnectedAt === null ? 'neverConnected' : 'offline';
}

function ignition(known: Known, ignitionNow: boolean | null): Against | null {
	if (known.seenOn && known.seenOff) return null;
	if (ignitionNow === null && !known.seenOn && !known.seenOff) return 'noIgnition';
	return known.seenOn ? 'turnOff' : 'turnOn';
}

export function judge(known: Known): Record<Step, Against | null> {
	const { state, refused, now } = known;
	if (state === undefined)
		return {
			registered: refused === undefined ? 'unknown' : 'refused',
			connected: 'waits',
			records: 'waits',
			fix: 'waits',
			ignition: 'waits',
		};
	const last = lastRecord(state);
	const records = isFresh(last, now) ? null : last === null ? 'noRecords' : 'oldRecords';
	const fix =
		isFresh(state.device.fixAt, now) && state.fixValid !== false
			? null
			: state.device.fixAt === null
				? 'noFix'
				: 'oldFix';
	return {
		registered: state.device.enabled ? null : 'disabled',
		connected: connection(state),
		records,
		fix: records === null || fix === null ? fix : 'waits',
		ignition: records === null ? ignition(known, state.device.ignition) : 'waits',
	};
}
