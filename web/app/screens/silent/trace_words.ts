/** A line of the live trace in words. Events that have none are shown by name, with what they carry. */
import { en } from '../../i18n/en/index.ts';

type Plural<K> = K extends `${infer Stem}_${'one' | 'other'}` ? Stem : K;
export type TraceKey = Plural<keyof (typeof en)['trace']>;
export type TraceLine = Record<string, unknown>;

/** Members that say where and when, not what. */
const aside = new Set(['at', 'worker', 'pid', 'conn', 'peer', 'event', 'imei']);

export type Tone = 'plain' | 'good' | 'bad';

const good = new Set(['accepted', 'stored', 'ack', 'command_answered', 'message_stored']);
const bad = new Set([
	'refused',
	'not_admitted',
	'quarantined',
	'closed',
	'command_failed',
	'unidentified',
	'flaps',
	'lost',
]);

export function toneOf(line: TraceLine): Tone {
	const event = String(line['event']);
	return good.has(event) ? 'good' : bad.has(event) ? 'bad' : 'plain';
}

/** Milliseconds since the epoch of the gateway's clock, if the line has a time. */
export function timeOf(line: TraceLine): number | null {
	const at = line['at'];
	if (typeof at === 'string') return Number.isNaN(Date.parse(at)) ? null : Date.parse(at);
	if (typeof at !== 'number') return null;
	// Seconds, milliseconds or microseconds: only one of them is in our century.
	return at < 1e11 ? at * 1000 : at < 1e14 ? at : at / 1000;
}

export function valuesOf(line: TraceLine): Record<string, string | number> {
	const values: Record<string, string | number> = {};
	for (const [key, value] of Object.entries(line))
		if (typeof value === 'string' || typeof value === 'number') values[key] = value;
	if (typeof line['records'] === 'number') values['count'] = line['records'];
	if (typeof line['seconds'] === 'number') values['minutes'] = Math.round(line['seconds'] / 60);
	if (typeof line['after_us'] === 'number') values['after_ms'] = (line['after_us'] / 1000).toFixed(1);
	return values;
}

export function hasWords(line: TraceLine): boolean {
	const event = String(line['event']);
	return event in en.trace || `${event}_other` in en.trace;
}

export function rawText(line: TraceLine): string {
	const rest = Object.entries(line)
		.filter(([key]) => !aside.has(key))
		.map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
	return [typeof line['event'] === 'string' ? line['event'] : '', ...rest].join(' ');
}
