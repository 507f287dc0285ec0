/**
 * What goes over the socket (Socket.IO, WebSocket only, path /live), both ways, besides the binary frame (frame.ts).
 *
 * The client sends `view` with the tiles of its map and gets `devices` (who the numbers are) and `frame` (all of them,
 * then what changes, once a second). Where that were too many it gets `cells`; where all that it may see is, `overview`
 * tells what there is outside the tiles, and the view names the filter, which acts in the client otherwise. On a new connection it may say the `epoch` and `asOf` that it has: with the same
 * epoch its numbers still hold; with another it forgets them (not the devices) and is told them anew as they change.
 */
import { z } from 'zod';
import { MAX_LEVEL, MAX_TILES, type Box } from './tiles.ts';
import { Id, Imei, StateName, type FeedStatus, type CommandStatus } from './schemas.ts';

export const SOCKET_PATH = '/live';

export const ViewFilter = z.strictObject({
	/** Words in name, plate or IMEI. */
	q: z.string().max(100).optional(),
	states: z.array(StateName).max(5).optional(),
	/** Each with those below it. */
	group: Id.optional(),
	model: z.string().max(100).optional(),
	silentForS: z.number().min(0).max(1e9).optional(),
});
export const View = z.strictObject({
	tiles: z
		.array(z.string().regex(/^[0-9]{1,2}\/[0-9]{1,4}\/[0-9]{1,4}$/))
		.max(MAX_TILES)
		.refine((l) => l.every((t) => Number(t.split('/')[0]) <= MAX_LEVEL), 'a level that rooms do not have'),
	/** A phone: counts per cell above fewer devices. */
	small: z.boolean().default(false),
	/** What the client has: it gets what changed since then, if the answer can be given so. */
	since: z.number().min(0).optional(),
	epoch: z.string().max(50).optional(),
	/** Only those that pass it, on top of the tiles: for a fleet that is too large for the client to filter. */
	filter: ViewFilter.optional(),
});
/** Devices to follow whether they are in the view or not. */
export const Watch = z.strictObject({ ids: z.array(Id).max(50) });
export const Trace = z.strictObject({ imei: Imei, seconds: z.int().min(1).max(3600).default(600) });

export type ViewRequest = z.input<typeof View>;
export type ViewAnswer = { ok: true; mode: 'points' | 'cells'; devices: number } | { ok: false; error: string };
export type Answer = { ok: true } | { ok: false; error: string };

/** Who the numbers are, in columns; the browser labels, searches and filters with it. */
export interface DeviceNames {
	number: number[];
	id: string[];
	imei: string[];
	name: (string | null)[];
	plate: (string | null)[];
	group: (string | null)[];
	model: (string | null)[];
	category: (string | null)[];
}
/** Instead of points: how many of each state (order of shared/state.ts) in each cell of the view. */
export interface Cells {
	asOf: number;
	level: number;
	x: number[];
	y: number[];
	/** Five counts a cell. */
	counts: number[];
}
/** Of a fleet that is too large to be sent. */
export interface Overview {
	asOf: number;
	/** All that one may see. */
	devices: number;
	/** In each state (order of shared/state.ts), by the filter without its states. */
	counts: number[];
	/** Around those that pass the filter; null: there are none with a place. */
	box: Box | null;
	/** False: it is no longer too large; a view without a filter gets all. */
	tooMany: boolean;
}
/** Something happened that wants somebody at once. */
export interface Alarm {
	/** The record's, by which it is known again. */
	key: string;
	device: string;
	/** What the device is called. */
	title: string;
	/** When it happened, by the tracker: milliseconds since the epoch. */
	at: number;
	kind: string;
	/** In words, where there are some. */
	label: string | null;
	value: number | null;
	unit: string | null;
	latitude: number | null;
	longitude: number | null;
}
export interface Hello {
	epoch: string;
	version: string;
	/** Milliseconds since the epoch by the database's clock. */
	now: number;
	status: z.infer<typeof FeedStatus>;
}
export interface CommandChange {
	id: string;
	status: z.infer<typeof CommandStatus>;
	/** The device, if it is known. */
	device: string | null;
}
/** What a page should ask for again. `me`: rights have changed. */
export type Changed = 'me' | 'devices' | 'groups' | 'commands';

export interface ServerEvents {
	hello: (h: Hello) => void;
	status: (s: z.infer<typeof FeedStatus>) => void;
	devices: (d: DeviceNames) => void;
	frame: (bytes: ArrayBuffer | Uint8Array) => void;
	cells: (c: Cells) => void;
	overview: (o: Overview) => void;
	commands: (c: CommandChange[]) => void;
	/** Those that have just arrived, oldest first. */
	alarms: (a: Alarm[]) => void;
	changed: (what: Changed[]) => void;
	/** One line of `tgctl trace --json`. */
	trace: (line: Record<string, unknown>) => void;
	traceEnd: (why: { reason: string }) => void;
	/** The server goes: come back after so many milliseconds. */
	bye: (b: { retryMs: number }) => void;
}
export interface ClientEvents {
	view: (v: ViewRequest, answer: (a: ViewAnswer) => void) => void;
	watch: (w: z.input<typeof Watch>, answer: (a: Answer) => void) => void;
	/** The tab is hidden: nothing is sent until `resume`, which brings what changed. */
	pause: () => void;
	resume: () => void;
	trace: (t: z.input<typeof Trace>, answer: (a: Answer) => void) => void;
	traceStop: () => void;
}
