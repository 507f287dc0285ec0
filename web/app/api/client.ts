/** Talks to /api/v1. What fails is an ApiProblem (the server said why) or a TypeError of fetch (no connection). */

export class ApiProblem extends Error {
	readonly status: number;
	readonly title: string;
	/** What to do. */
	readonly detail: string | undefined;
	readonly requestId: string | undefined;
	/** What is wrong with which field. */
	readonly fields: ReadonlyMap<string, string>;

	constructor(status: number, body: ProblemBody, fallback: string) {
		super(body.title ?? fallback);
		this.status = status;
		this.title = this.message;
		this.detail = body.detail;
		this.requestId = body.requestId;
		this.fields = new Map((body.errors ?? []).map((e) => [e.field, e.message]));
	}
}

const BASE = '/api/v1';

type Query = Record<string, string | number | boolean | null | undefined>;

export function url(path: string, query: Query = {}): string {
	const params = new URLSearchParams();
	for (const [key, value] of Object.entries(query))
		if (value !== undefined && value !== null && value !== '') params.set(key, String(value));
	const text = params.toString();
	return `${BASE}${path}${text === '' ? '' : `?${text}`}`;
}

interface ProblemBody {
	title?: string;
	detail?: string;
	requestId?: string;
	errors?: { field: string; message: string }[];
}

async function problemOf(response: Response): Promise<ApiProblem> {
	let body: ProblemBody = {};
	if (response.headers.get('content-type')?.includes('json') === true)
		body = (await response.json().catch(() => ({}))) as ProblemBody;
	return new ApiProblem(response.status, body, `${response.status} ${response.statusText}`);
}

export interface Options {
	query?: Query;
	body?: unknown;
	headers?: Record<string, string>;
	signal?: AbortSignal;
}

/** The page to sign in, coming back to where one was. */
export function signInAddress(): string {
	const here = `${location.pathname}${location.search}`;
	return here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`;
}

/**
 * The answer's body, undefined for 204. Its form is the server's promise (shared/schemas.ts), from the same build.
 * Not signed in any more: the browser goes to the page to sign in.
 */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
	const response = await fetch(url(path, options.query), {
		method,
		credentials: 'same-origin',
		headers: {
			accept: 'application/json',
			...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
			...options.headers,
		},
		...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
		...(options.signal === undefined ? {} : { signal: options.signal }),
	});
	if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
	if (response.status === 401 && !location.pathname.startsWith('/login')) location.assign(signInAddress());
	throw await problemOf(response);
}

export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
	return request<T>('GET', path, { query, ...(signal === undefined ? {} : { signal }) });
}
