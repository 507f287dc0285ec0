/** Where to go after signing in. */

/** Only addresses of our own: `next` comes from outside. */
export function safeNext(search: string): string {
	const next = new URLSearchParams(search).get('next') ?? '/';
	try {
		const to = new URL(next, location.origin);
		// A path that begins with two slashes would be taken for a host; "/.//host" becomes one.
		const ours = to.origin === location.origin && next.startsWith('/') && !to.pathname.startsWith('//');
		return ours && !/^\/(login|setup)\b/.test(to.pathname) ? `${to.pathname}${to.search}` : '/';
	} catch {
		return '/';
	}
}
