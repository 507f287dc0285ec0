/**
 * What a route of the API is: its path, the permission that it needs, the schemas of what goes in and out, and what it
 * does. Everything else (reading the request, deciding, answering) is done once, in mount.ts.
 */
import type { Request, Response } from 'express';
import type { Transaction } from 'kysely';
import type { z } from 'zod';
import type { Deed } from '../../shared/deeds.ts';
import type { Action, ActionObject } from '../../shared/permissions.ts';
import type { App } from '../context.ts';
import type { Person } from '../directory.ts';
import type { Tables } from '../tables.ts';

export interface Context<P = unknown, Q = unknown, B = unknown> {
	app: App;
	req: Request;
	res: Response;
	requestId: string;
	/** Of the client, behind a proxy too. */
	address: string;
	params: P;
	query: Q;
	body: B;
	/** Who asks. Only of public routes it may be nobody: see signedIn(). */
	person: Person | null;
	/** Of routes whose action is done to a device: its place in the fleet, which the person may see. */
	place: number;
	/** Of routes whose action is done to a group: its id. */
	group: string;
	may: (action: Action, object?: ActionObject) => boolean;
	/** Throws a Problem with 403 if it isn't allowed. */
	must: (action: Action, object?: ActionObject) => void;
	/** Asked by a wall display: its person's rights count for less. */
	display: boolean;
	/** Asked by an API token, not by a session. */
	byToken: boolean;
	/** Who asks, where it can't be nobody. */
	who: () => Person;
	/** The answer's ETag, of what a PATCH could change. */
	tag: (value: unknown) => void;
	/** Throws 412 if the request has an If-Match that isn't the ETag of this. */
	ifMatch: (value: unknown) => void;
	/** Writes the audit line of what is done, in the transaction that does it: neither is there without the other. */
	audit: (
		trx: Transaction<Tables>,
		action: Deed,
		object?: { kind: string; id: string | null },
		details?: Record<string, unknown>,
	) => Promise<void>;
}

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export interface Route {
	method: Method;
	/** Below /api/v1, as "/devices/:device/state". */
	path: string;
	action: Action;
	tag: string;
	summary: string;
	params?: z.ZodType | undefined;
	query?: z.ZodType | undefined;
	body?: z.ZodType | undefined;
	/** The type of a body that is no JSON, which the handler reads itself. */
	accepts?: string | undefined;
	/** What is answered; none: 204. */
	answer?: z.ZodType | undefined;
	/** Types of answers that are no JSON, which the handler sends itself. */
	produces?: readonly string[] | undefined;
	/** Of the answer, 200 if not said. */
	status?: number | undefined;
	/** Further headers that it reads, for the description. */
	headers?: Record<string, z.ZodType> | undefined;
	/** May be asked without being active: it doesn't keep a session alive. */
	passive?: boolean | undefined;
	handler: (ctx: Context) => Promise<unknown>;
}

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;

/** Nothing where there is no schema of an answer. */
type Answer<A> = A extends z.ZodType ? z.input<A> : unknown;

/** Gives the handler the types of its schemas. */
export function route<
	P extends z.ZodType | undefined = undefined,
	Q extends z.ZodType | undefined = undefined,
	B extends z.ZodType | undefined = undefined,
	A extends z.ZodType | undefined = undefined,
>(
	spec: Omit<Route, 'params' | 'query' | 'body' | 'answer' | 'handler'> & {
		params?: P;
		query?: Q;
		body?: B;
		answer?: A;
		handler: (ctx: Context<Parsed<P>, Parsed<Q>, Parsed<B>>) => Promise<Answer<A>> | Answer<A>;
	},
): Route {
	return {
		...spec,
		handler: async (ctx) => spec.handler(ctx as Context<Parsed<P>, Parsed<Q>, Parsed<B>>),
	};
}
