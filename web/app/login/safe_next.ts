/** Where to go after signing in. */

/** Only addresses of our own: `next` comes from outside. */
export function safeNext(search: string): string {
	const next = new URLSearchParams(search).get('next') ?? '/';
	try {
		const to = new URL(next, location.origin);
		return to.origin === location.origin && next.startsWith('/') && !/^\/(login|setup)\b/.test(to.pathname)
			? `${to.pathname}${to.search}`
			: '/';
	} catch {
		return '/';
	}
}
