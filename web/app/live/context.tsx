/** The live connection for React: one for all screens. */
import { createContext, use, useSyncExternalStore } from 'react';
import type { Health, Live } from './socket.ts';

export const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
	const live = use(LiveContext);
	if (live === null) throw new Error('no live connection above this component');
	return live;
}

/** Renders again with each change of the fleet: at most once a second. */
export function useFleetVersion(): number {
	const { fleet } = useLive();
	return useSyncExternalStore(fleet.subscribe, fleet.getVersion);
}

export function useHealth(): Health {
	const live = useLive();
	return useSyncExternalStore(live.subscribe, live.getHealth);
}
