/** The resources for those who run the fleet: API tokens, events, quarantine, Fleet health. As schemas.ts does for the others. */
import { z } from 'zod';
import {
	BulkItem,
	DevicePatch,
	DeviceEvent,
	DeviceFilter,
	DeviceRef,
	Id,
	Imei,
	list,
	Name,
	pageQuery,
	Time,
	TimePageQuery,
} from './schemas.ts';

// ---- API tokens

export const scopes = ['read', 'write'] as const;
export const Token = z.object({
	id: Id,
	user: Id,
	name: z.string(),
	scopes: z.array(z.enum(scopes)),
	createdAt: Time,
	expiresAt: Time,
	lastUsedAt: Time.nullable(),
});
export const TokenCreate = z.strictObject({
	name: Name,
	scopes: z
		.array(z.enum(scopes))
		.min(1)
		.max(2)
		.meta({ description: 'read: whatever only looks; write: all that the user may' }),
	expiresInDays: z.int().min(1).max(366),
});
export const NewToken = Token.extend({ token: z.string().meta({ description: 'the secret: it is shown this once' }) });
export const TokenQuery = pageQuery(/^[1-9][0-9]{0,17}$/).extend({
	user: Id.optional().meta({ description: "whose tokens; another user's need an administrator" }),
});

// ---- events

export const severities = ['info', 'warning', 'alarm'] as const;
const Kind = z.string().regex(/^[a-z0-9_]{1,60}$/);
const filters = {
	severity: list(z.enum(severities), severities.join('|')).optional(),
	kind: list(Kind, '[a-z0-9_]{1,60}').optional().meta({ description: 'kinds, with commas' }),
};
export const DeviceEventQuery = TimePageQuery.extend(filters);
/** The time of its arrival and of itself in microseconds, the device, the record's hash. */
export const EventKey = /^[0-9]{1,18}(?:\.-?[0-9]{1,19}){3}$/;
export const EventQuery = pageQuery(EventKey).extend({
	...filters,
	group: list(Id, '[1-9][0-9]{0,17}').optional().meta({ description: 'groups with those below them, with commas' }),
	device: DeviceRef.optional(),
	from: Time.optional().meta({ description: 'arrived then or later; 31 days ago at most' }),
	to: Time.optional().meta({ description: 'arrived before' }),
	arrivedAfter: Time.optional().meta({
		description:
			'asOf of the last answer: what has arrived since, and for a minute before; the same id is the same event',
	}),
});
export const FleetEvent = DeviceEvent.extend({
	id: z.string(),
	device: Id,
	imei: z.string(),
	deviceName: z.string().nullable(),
	group: Id.nullable(),
	speed: z.number().nullable(),
});
export const FleetEvents = z.object({
	asOf: Time.meta({ description: 'for arrivedAfter' }),
	lookedBackTo: Time.meta({
		description:
			'what has arrived since then is listed. A page may hold fewer than asked for, even none: next looks further',
	}),
	items: z.array(FleetEvent),
	next: z.string().nullable(),
});

// ---- quarantine

export const Frame = z.object({
	id: Id,
	imei: z.string(),
	device: Id.nullable().meta({ description: 'null: the IMEI is not registered' }),
	deviceName: z.string().nullable(),
	reason: z.string(),
	codec: z.int().nullable(),
	bytes: z.int(),
	attempts: z.int(),
	receivedAt: Time,
	lastSeenAt: Time,
	address: z.string().nullable(),
	request: z.enum(['decode', 'drop']).nullable().meta({ description: 'what the gateway is about to do with it' }),
	requestedAt: Time.nullable(),
	requestedBy: z.string().nullable(),
	result: z.string().nullable().meta({ description: 'what became of the last request' }),
	decodedAt: Time.nullable().meta({ description: 'then it is no quarantine any more' }),
});
export const FrameQuery = pageQuery(/^[1-9][0-9]{0,17}$/).extend({
	imei: Imei.optional(),
	reason: z
		.string()
		.regex(/^[a-z_]{1,40}$/)
		.optional(),
	ids: list(Id, '[1-9][0-9]{0,17}').optional().meta({ description: 'these alone, with commas' }),
	done: z
		.enum(['true', 'false'])
		.default('false')
		.meta({ description: 'true: those that are decoded or dropped, too' }),
});
export const FrameContent = Frame.extend({
	hex: z.string().nullable().meta({ description: 'null: a message, and no right to read texts and answers' }),
	decoded: z.record(z.string(), z.unknown()).nullable(),
});
export const FrameMarks = z.strictObject({ frames: z.array(Id).min(1).max(1000) });
export const MarkResult = z.object({ marked: z.int(), refused: z.array(Id) });

// ---- Fleet health

export const silentKinds = ['silent', 'never', 'nofix', 'clock', 'quarantined', 'commands'] as const;
export const SilentQuery = pageQuery(/^[A-Za-z0-9_-]{1,200}$/).extend({
	kind: z.enum(silentKinds).default('silent'),
	overS: z.coerce.number().int().min(0).max(1e9).optional().meta({ description: 'for so many seconds at least' }),
	underS: z.coerce.number().int().min(0).max(1e9).optional().meta({ description: 'for less than so many seconds' }),
	group: list(Id, '[1-9][0-9]{0,17}').optional().meta({ description: 'groups with those below them, with commas' }),
});
export const SilentDevice = z.object({
	device: Id,
	imei: z.string(),
	name: z.string().nullable(),
	plate: z.string().nullable(),
	model: z.string().nullable(),
	group: Id.nullable(),
	since: Time.nullable(),
	forS: z.number().nullable(),
	moving: z.boolean().nullable(),
	usualGapS: z
		.number()
		.nullable()
		.meta({ description: 'nine of ten of its pauses are no longer; null: no rhythm yet' }),
	patienceS: z.number().nullable().meta({ description: 'so long it may be silent' }),
	times: z.number().nullable().meta({ description: 'forS ÷ patienceS' }),
	count: z.int().nullable().meta({ description: 'frames in quarantine, commands that wait' }),
});
export const Silent = z.object({
	at: Time,
	devices: z.int().meta({ description: 'enabled devices that one may see' }),
	ill: z.int().meta({ description: 'of them, those that any kind names' }),
	counts: z.record(z.enum(silentKinds), z.int()),
	steps: z
		.array(z.object({ fromS: z.int(), devices: z.int() }))
		.meta({ description: 'of the asked kind: how many for so long, up to the next step' }),
	strangers: z
		.object({ refused: z.int(), frames: z.int() })
		.nullable()
		.meta({ description: 'trackers still refused, frames of IMEIs nobody registered; null: no right to see them' }),
	items: z.array(SilentDevice),
	next: z.string().nullable(),
});

// ---- gateways

/** What a gateway deletes, in days; 0: never. */
export const retentions = ['positions', 'raw', 'commands', 'messages', 'sessions'] as const;
const Days = z.int().min(0);
export const Retention = z.object({ positions: Days, raw: Days, commands: Days, messages: Days, sessions: Days });

export const GatewayReport = z.object({
	version: z.string(),
	startedAt: Time,
	listen: z.array(z.string()),
	ready: z.boolean(),
	reason: z.string().nullable().meta({ description: 'why it is not ready' }),
	stopping: z.boolean(),
	databaseUp: z.boolean(),
	connections: z.int(),
	recordsInFlight: z.int().meta({ description: 'received, and not yet stored' }),
	restarts: z.int().meta({ description: 'of workers, since it was started' }),
	clockOffsetS: z.number().nullable().meta({ description: "its clock less the database's" }),
	recordsPerS: z.number().nullable().meta({ description: 'null: ask again, it takes two answers' }),
	ackP99Ms: z
		.number()
		.nullable()
		.meta({ description: '99 of 100 frames are acknowledged within; null: there were none' }),
	overS: z.number().nullable().meta({ description: 'of so many seconds are these two' }),
	reload: z.object({
		finishedAt: Time.nullable().meta({ description: 'null: there was none' }),
		ok: z.boolean(),
		error: z.string().nullable(),
		asked: z.int().meta({ description: 'how often one was asked for' }),
		answered: z.int().meta({ description: 'how many of these the last one answers' }),
	}),
	retentionDays: Retention.nullable().meta({
		description: 'how long things are kept; 0: for ever; null: it does not say',
	}),
	workers: z.array(
		z.object({
			slot: z.int(),
			state: z.string(),
			current: z.boolean().meta({ description: 'false: of an older generation, ending' }),
			accepting: z.boolean(),
			databaseUp: z.boolean(),
			connections: z.int(),
			recordsInFlight: z.int(),
			restarts: z.int(),
			heartbeatAgeS: z.number().nullable(),
			reason: z.string().nullable(),
		}),
	),
});
export const Gateway = z.object({
	id: z.string(),
	seenAt: Time.nullable(),
	startedAt: Time.nullable(),
	alive: z.boolean().meta({ description: 'it has written to the database within a minute' }),
	clockAheadS: z.number().nullable(),
	devicesOnline: z.int(),
	asked: z.boolean().meta({ description: 'WEB_GATEWAYS names it' }),
	report: GatewayReport.nullable().meta({ description: 'what its /status and /metrics say, in short' }),
	status: z
		.record(z.string(), z.unknown())
		.nullable()
		.meta({ description: 'what its /status says, if it is configured' }),
	error: z.string().nullable(),
});

// ---- changing many devices

/** Of many lines or devices at once, in one transaction. */
export const ImportQuery = z.strictObject({
	dryRun: z
		.enum(['true', 'false'])
		.default('true')
		.meta({ description: 'true: says what would be done, and does nothing' }),
	skipWrong: z
		.enum(['true', 'false'])
		.default('false')
		.meta({ description: 'true: wrong lines are left out; else one stops all' }),
	group: Id.optional().meta({ description: 'for lines that name none' }),
});
export const ImportLine = z.object({
	line: z.int(),
	imei: z.string().nullable(),
	name: z.string().nullable().meta({ description: 'as the file has it, or else as it is' }),
	outcome: z.enum(['create', 'update', 'same', 'wrong']),
	changes: z.array(z.string()).meta({ description: 'columns whose cells say something else than what is there' }),
	message: z.string().nullable(),
});
export const ImportResult = z.object({
	dryRun: z.boolean(),
	applied: z.boolean(),
	create: z.int(),
	update: z.int(),
	same: z.int(),
	wrong: z.int(),
	lines: z.array(ImportLine),
});
const BulkBefore = z.object({
	field: z.enum(['group', 'enabled', 'model', 'category']),
	value: z.string().nullable(),
	devices: z.int(),
});
export const BulkEdit = z
	.strictObject({
		devices: z.array(DeviceRef).min(1).max(1000).optional(),
		// In an address a number is a text; here it is one.
		filter: DeviceFilter.extend({ silentForS: z.int().min(0).max(1e9).optional() })
			.optional()
			.meta({ description: 'instead of devices: all that match' }),
		expect: z.string().max(64).optional().meta({
			description: 'tag of the dry run: where other devices match now, or have something else, nothing is done',
		}),
		change: DevicePatch.pick({ group: true, enabled: true, model: true, category: true }).refine(
			(c) => Object.keys(c).length > 0,
			'name what is to be changed',
		),
		dryRun: z.boolean().default(false),
	})
	.refine((b) => (b.devices === undefined) !== (b.filter === undefined), 'name either devices or a filter');
export const BulkEditResult = z.object({
	dryRun: z.boolean(),
	toChange: z.int().meta({ description: 'devices that are changed, or would be' }),
	tag: z.string().meta({ description: 'of these devices, what they had and the change: send it as expect' }),
	changed: z.int(),
	same: z.int().meta({ description: 'devices that are so already' }),
	refused: z.int(),
	before: z.array(BulkBefore).meta({ description: 'what those to change had: the most frequent of each field' }),
	items: z
		.array(
			BulkItem.pick({ device: true, imei: true, name: true, reason: true, refusal: true }).extend({
				outcome: z.enum(['changed', 'would-change', 'same', 'refused']),
			}),
		)
		.meta({ description: 'the first 1000 of a filter, those that are refused before the others' }),
});
