/**
 * Talks to /api/v1. What fails is an ApiProblem (the server said why), a TypeError of fetch (no connection), or Unanswered:
 * something was to be changed, and nobody knows whether it was.
 */
import { Activity } from './activity.ts';

const activity = new Activity(window, () => Date.now());

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

/** The request has gone out and its answer never came: the server may have done it. */
export class Unanswered extends Error {}

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
	/** Instead of a body of JSON. */
	file?: { type: string; content: Blob };
	headers?: Record<string, string>;
	signal?: AbortSignal;
	/** It changes nothing, though it is no GET. */
	asksOnly?: boolean;
}

/** What the server says of each field, by its name; empty if it is no answer of that kind. */
export function fieldErrors(error: unknown): ReadonlyMap<string, string> {
	return error instanceof ApiProblem ? error.fields : new Map();
}

/** What is to be said of an error beside a form that says itself what is wrong with the fields `shown`; null: nothing. */
export function problemText(error: ApiProblem, shown: readonly string[] = []): string | null {
	const others = [...error.fields].filter(([field]) => !shown.includes(field));
	if (error.fields.size > 0 && others.length === 0) return null;
	const named = others.map(([field, message]) => `${field}: ${message}`);
	return [error.title, error.detail, ...named].filter((part) => part !== undefined).join(' ');
}

/** The page to sign in, coming back to where one was. */
export function signInAddress(): string {
	const here = `${location.pathname}${location.search}`;
	return here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`;
}

/** Whatever is lost between here and the server, of a request that was to change something. */
function lost(error: unknown, changes: boolean): unknown {
	const isStopped = error instanceof DOMException && error.name === 'AbortError';
	return changes && !isStopped ? new Unanswered('no answer', { cause: error }) : error;
}

function changes(method: string, options: Options): boolean {
	return method !== 'GET' && options.asksOnly !== true;
}

/** Not signed in any more: the browser goes to the page to sign in. */
async function send(method: string, path: string, options: Options, accept: string): Promise<Response> {
	const { file } = options;
	const body = file?.content ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
	const response = await fetch(url(path, options.query), {
		method,
		credentials: 'same-origin',
		headers: {
			accept,
			// An open page is no use of a session: only what somebody does keeps it alive.
			...(activity.isIdle ? { 'omnitrack-background': '1' } : {}),
			...(body === undefined ? {} : { 'content-type': file?.type ?? 'application/json' }),
			...options.headers,
		},
		...(body === undefined ? {} : { body }),
		...(options.signal === undefined ? {} : { signal: options.signal }),
	}).catch((error: unknown) => {
		throw lost(error, changes(method, options));
	});
	if (response.ok) return response;
	if (response.status === 401 && !location.pathname.startsWith('/login')) location.assign(signInAddress());
	const problem = await problemOf(response);
	// A proxy has lost the server: that says nothing of what the server did.
	throw response.status === 502 || response.status === 504 ? lost(problem, changes(method, options)) : problem;
}

/** With the ETag, by which a change says what it was made from. */
export interface Tagged<T> {
	value: T;
	etag: string | null;
}

/** The answer's body, undefined for 204. Its form is the server's promise (shared/schemas.ts), from the same build. */
export async function requestTagged<T>(method: string, path: string, options: Options = {}): Promise<Tagged<T>> {
	const response = await send(method, path, options, 'application/json');
	const etag = response.headers.get('etag');
	if (response.status === 204) return { value: undefined as T, etag };
	const value = (await response.json().catch((error: unknown) => {
		throw lost(error, changes(method, options));
	})) as T;
	return { value, etag };
}

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
	return (await requestTagged<T>(method, path, options)).value;
}

export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
	return request<T>('GET', path, { query, ...(signal === undefined ? {} : { signal }) });
}

export function getTagged<T>(path: string, signal?: AbortSignal): Promise<Tagged<T>> {
	return requestTagged<T>('GET', path, signal === undefined ? {} : { signal });
}

/** An answer that is packed. */
export async function getBytes(path: string, query: Query = {}, signal?: AbortSignal): Promise<Uint8Array> {
	const response = await send('GET', path, { query, ...(signal === undefined ? {} : { signal }) }, '*/*');
	return new Uint8Array(await response.arrayBuffer());
}
