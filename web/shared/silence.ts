/** How long something has been wrong, in steps that people think in: seconds from which each step begins. Shared. */
export const silenceSteps = [0, 3600, 21_600, 86_400, 604_800, 2_592_000] as const;

/** The step of a time in seconds; the longest is the last. */
export function stepOf(seconds: number): number {
	let at = 0;
	while (at + 1 < silenceSteps.length && seconds >= (silenceSteps[at + 1] ?? Infinity)) at++;
	return at;
}

/** Where a step ends; null: it has no end. */
export function stepEnd(step: number): number | null {
	return silenceSteps[step + 1] ?? null;
}
