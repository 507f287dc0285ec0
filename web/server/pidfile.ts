/** The pidfile: there once users can connect, gone after a clean stop. Init scripts wait for it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

export function writePidfile(path: string | undefined): void {
	if (path !== undefined) writeFileSync(path, `${process.pid}\n`, { mode: 0o644 });
}

/** Not if another process has put its own number there meanwhile. */
export function removePidfile(path: string | undefined): void {
	if (path === undefined) return;
	try {
		if (readFileSync(path, 'utf8').trim() === String(process.pid)) rmSync(path);
	} catch {
		// Somebody has removed it.
	}
}
