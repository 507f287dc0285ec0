/** What is answered when something isn't done: problem+json, in words that say what to do. */
import type { z } from 'zod';

export class Problem extends Error {
	readonly status: number;
	readonly detail: string | undefined;
	readonly errors: { field: string; message: string }[] | undefined;
	readonly headers: Record<string, string>;

	constructor(
		status: number,
		title: string,
		more: { detail?: string; errors?: { field: string; message: string }[]; headers?: Record<string, string> } = {},
	) {
		super(title);
		this.status = status;
		this.detail = more.detail;
		this.errors = more.errors;
		this.headers = more.headers ?? {};
	}

	body(requestId: string): Record<string, unknown> {
		return {
			type: 'about:blank',
			title: this.message,
			status: this.status,
			...(this.detail === undefined ? {} : { detail: this.detail }),
			requestId,
			...(this.errors === undefined ? {} : { errors: this.errors }),
		};
	}
}

export const notFound = (what = 'There is nothing here') => new Problem(404, what);
export const notSignedIn = () => new Problem(401, 'Not signed in', { detail: 'Sign in and try again.' });
export const forbidden = (what = 'You may not do this') =>
	new Problem(403, what, { detail: 'Ask an administrator for the right.' });

/** Well formed, but it names what isn't there, or contradicts itself. */
export function unfit(field: string, message: string): Problem {
	return new Problem(422, 'The request can not be done as it is', {
		detail: `${field}: ${message}`,
		errors: [{ field, message }],
	});
}

/** What a schema did not accept, field by field. */
export function invalid(where: string, error: z.ZodError): Problem {
	const errors = error.issues.slice(0, 20).map((issue) => ({
		field: issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : issue.path.map(String).join('.') || where,
		message: issue.code === 'unrecognized_keys' ? 'not a field of this request' : issue.message,
	}));
	const [first] = errors;
	// Each field is as it should be, and together they are not.
	const status = error.issues.every((issue) => issue.code === 'custom') ? 422 : 400;
	return new Problem(status, 'The request is not as it should be', {
		detail: first === undefined ? `Correct the ${where}.` : `${first.field}: ${first.message}`,
		errors,
	});
}
