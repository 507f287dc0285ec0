/** In which units and time zone the user reads, as chosen in the account. The browser keeps it, for the time before that is known. */
import { useSyncExternalStore } from 'react';

export type Units = 'metric' | 'imperial';
export interface Own {
	units: Units;
	/** Undefined: the browser's. */
	timeZone: string | undefined;
}

const KEY = { units: 'omnitrack.units', timeZone: 'omnitrack.timeZone' } as const;
const listeners = new Set<() => void>();
const held: { own: Own | null } = { own: null };

function isZone(name: string): boolean {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
	} catch {
		return false;
	}
}

function keep(key: string, value: string | undefined): void {
	if (value === undefined) localStorage.removeItem(key);
	else localStorage.setItem(key, value);
}

function read(units: string | null | undefined, timeZone: string | null | undefined): Own {
	return {
		units: units === 'imperial' ? 'imperial' : 'metric',
		timeZone: typeof timeZone === 'string' && isZone(timeZone) ? timeZone : undefined,
	};
}

export function ownNow(): Own {
	// Tests of what is pure have no browser.
	if (typeof localStorage === 'undefined') return (held.own ??= read(null, null));
	return (held.own ??= read(localStorage.getItem(KEY.units), localStorage.getItem(KEY.timeZone)));
}

export function setOwn(chosen: { units?: Units | undefined; timeZone?: string | undefined }): void {
	const own = read(chosen.units, chosen.timeZone);
	const before = ownNow();
	if (own.units === before.units && own.timeZone === before.timeZone) return;
	held.own = own;
	if (typeof localStorage !== 'undefined') {
		keep(KEY.units, own.units);
		keep(KEY.timeZone, own.timeZone);
	}
	for (const told of listeners) told();
}

function subscribe(listener: () => void): () => void {
	listeners.add(listener);
	return () => listeners.delete(listener);
}

export function useOwn(): Own {
	return useSyncExternalStore(subscribe, ownNow);
}
