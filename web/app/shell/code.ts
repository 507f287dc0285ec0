/** Parts of the application that are fetched when they are first needed, and what can be done where one doesn't come. */

/** A part of the application didn't come: the server is away, or has another version of it. */
export class CodeMissing extends Error {}

/**
 * What `import()` promises, or CodeMissing. A browser may remember that an import failed, so that only a new page can have
 * it: the router would load one at once, and while the server is away that is the browser's page of errors, which never
 * comes back.
 */
export async function codeOf<M>(module: Promise<M>): Promise<M> {
	try {
		return await module;
	} catch (cause) {
		throw new CodeMissing('A part of the application could not be fetched', { cause });
	}
}

const RELOADED = 'code.reloaded';
/** Whose new page lacks its code too, within this time, isn't helped by another one. */
const SOON_MS = 60_000;

/** A new page was loaded a moment ago, for this reason. */
export function reloadedSoonBefore(now: number): boolean {
	return now - Number(sessionStorage.getItem(RELOADED) ?? -Infinity) < SOON_MS;
}

/** Loads the page anew once the server gives it; where it is away, nothing happens. */
export async function reloadIfServed(): Promise<void> {
	const answer = await fetch(location.href, { method: 'HEAD', cache: 'no-store' }).catch(() => undefined);
	if (answer?.ok !== true) return;
	sessionStorage.setItem(RELOADED, String(Date.now()));
	location.reload();
}
