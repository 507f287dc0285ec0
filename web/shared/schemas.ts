/**
 * The REST resources: what goes in and out of /api/v1, as schemas. Checks, types and OpenAPI come from them.
 *
 * Ids are strings of digits (bigint); times are RFC 3339 UTC; a device is named by its id or by `imei:` and its IMEI.
 * Objects that come in refuse unknown fields.
 */
import { z } from 'zod';
import { roles } from './permissions.ts';
import { Line } from './schema_text.ts';
import { outReasons, states } from './state.ts';

export const Id = z
	.string()
	.regex(/^[1-9][0-9]{0,17}$/, 'an id is a number')
	.meta({ description: 'id, digits' });
export const Imei = z
	.string()
	.regex(/^[0-9]{15}$/, 'an IMEI has 15 digits')
	.meta({ description: 'IMEI' });
export const DeviceRef = z
	.string()
	.regex(/^(?:[1-9][0-9]{0,17}|imei:[0-9]{15})$/, 'a device is named by its id, or by imei: and 15 digits')
	.meta({ description: 'id of the device, or imei: and its IMEI' });
export const Time = z.iso.datetime({ offset: true });
export const StateName = z.enum(states);
export const RoleName = z.enum(roles);

export const Name = Line(100).min(1);
export const Password = z.string().min(10, 'at least 10 characters').max(200).meta({ format: 'password' });
export const Login = Line(100).min(1).toLowerCase();

export const Problem = z.object({
	type: z.string(),
	title: z.string(),
	status: z.int(),
	detail: z.string().optional().meta({ description: 'what to do' }),
	requestId: z.string(),
	errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

export const page = <T extends z.ZodType>(item: T) =>
	z.object({ items: z.array(item), next: z.string().nullable().meta({ description: 'cursor of the next page' }) });

const notOurs = 'not a cursor of ours: give what stood in next, or none';
const isBigint = (digits: string) => BigInt.asIntN(64, BigInt(digits)) === BigInt(digits);

/** What a list is asked for; its cursor is what stood in `next`, of this form. */
export const pageQuery = (cursor: RegExp) =>
	z.strictObject({
		limit: z.coerce.number().int().min(1).max(500).default(50),
		cursor: z
			.string()
			.regex(cursor, notOurs)
			// Numbers of 19 digits: some are more than the database has.
			.refine((s) => s.split('.').every((n) => !/^-?[0-9]{19}$/.test(n) || isBigint(n)), notOurs)
			.optional(),
	});
/** By id. */
export const PageQuery = pageQuery(/^[1-9][0-9]{0,17}$/);
/** By a time in microseconds and something that parts those of one time. */
export const TimePageQuery = pageQuery(/^[0-9]{1,18}\.-?[0-9]{1,19}$/);

// ---- session and me

export const SignIn = z.strictObject({
	login: Login,
	password: z.string().min(1).max(200).meta({ format: 'password' }),
});
export const SessionInfo = z.object({
	signedIn: z.boolean(),
	setup: z.boolean().meta({ description: 'there is no admin yet' }),
});
export const SetupClaim = z.strictObject({
	token: z.string().min(20).max(200),
	login: Login.optional().meta({ description: 'setup alone' }),
	name: Name.optional(),
	password: Password.optional().meta({ description: 'setup and password' }),
});
export const SetupLook = z.strictObject({ token: z.string().min(20).max(200) });
export const SetupInfo = z.object({
	kind: z.enum(['setup', 'password', 'display', 'demo']),
	login: z.string().nullable(),
});

export const GroupRole = z.object({
	group: Id.meta({ description: 'it holds for those below, too; 1 is the root' }),
	role: RoleName,
	readsCommands: z.boolean().meta({ description: 'may read the texts of commands and answers' }),
});
const TimeZone = z
	.string()
	.regex(/^[A-Za-z0-9_+/-]{1,64}$/)
	.meta({ description: 'IANA name; without it, that of the browser' });
export const Settings = z.strictObject({
	theme: z.enum(['auto', 'light', 'dark']).optional(),
	units: z.enum(['metric', 'imperial']).optional(),
	sound: z.boolean().optional(),
	timeZone: TimeZone.optional(),
});
const SettingsPatch = Settings.extend({
	timeZone: TimeZone.nullable().optional().meta({ description: 'IANA name; null: that of the browser' }),
});
export const Me = z.object({
	id: Id,
	login: z.string(),
	name: z.string(),
	locale: z.string().nullable(),
	settings: Settings,
	roles: z.array(GroupRole),
	highest: RoleName.nullable(),
	admin: z.boolean(),
	display: z.boolean().meta({ description: 'a wall display: it shows what a viewer may see, and changes nothing' }),
	version: z.string(),
});
export const MePatch = z.strictObject({
	name: Name.optional(),
	locale: z
		.string()
		.regex(/^[a-z]{2}(-[A-Za-z0-9]{2,8}){0,3}$/)
		.nullable()
		.optional(),
	settings: SettingsPatch.optional(),
});
export const PasswordChange = z.strictObject({ current: z.string().min(1).max(200), password: Password });
export const OwnSession = z.object({
	id: z.string(),
	kind: z.string(),
	createdAt: Time,
	seenAt: Time,
	expiresAt: Time,
	address: z.string().nullable(),
	userAgent: z.string().nullable(),
	current: z.boolean(),
});

// ---- devices

export const Device = z.object({
	id: Id,
	imei: z.string(),
	name: z.string().nullable(),
	plate: z.string().nullable(),
	phone: z.string().nullable(),
	category: z.string().nullable(),
	notes: z.string().nullable(),
	model: z.string().nullable(),
	group: Id.nullable(),
	enabled: z.boolean(),
	createdAt: Time.nullable(),
	state: StateName,
	out: z.enum(outReasons).nullable(),
	online: z.boolean(),
	clockAhead: z.boolean().meta({ description: 'its clock is wrong' }),
	ignition: z.boolean().nullable(),
	latitude: z.number().nullable(),
	longitude: z.number().nullable(),
	speed: z.number().nullable(),
	heading: z.number().nullable(),
	fixAt: Time.nullable(),
	lastSeenAt: Time.nullable(),
	silentSince: Time.nullable().meta({ description: 'its newest record, or last sign of life if that is earlier' }),
	silentAfterS: z.number().meta({ description: 'it is silent after so many seconds without a sign of life' }),
});
export const DeviceSort = z
	.enum(['name', 'lastSeen', 'silentSince', 'state', 'urgency', 'speed', 'imei'].flatMap((s) => [s, `-${s}`]))
	.meta({ description: 'urgency: silent, without a fix, moving, standing, out; speed: of those that move' });
/** Several with commas. `one` is what one looks like, as a regular expression. */
export const list = <T extends string>(item: z.ZodType<T, string>, one: string) =>
	z
		.string()
		.regex(new RegExp(`^(?:${one})(?:,(?:${one})){0,99}$`), 'up to 100, with commas')
		.transform((s) => s.split(','))
		.pipe(z.array(item));
const ID = '[1-9][0-9]{0,17}';
/** Which devices: in the address of a list, and where something is done to all that match. */
export const DeviceFilter = z.strictObject({
	q: z.string().max(100).optional().meta({ description: 'words in name, plate or IMEI' }),
	state: list(StateName, states.join('|')).optional().meta({ description: 'states, with commas' }),
	group: list(z.union([Id, z.literal('none')]), `(?:${ID}|none)`)
		.optional()
		.meta({ description: 'groups with those below them, with commas; none: devices that are in no group' }),
	model: list(z.string(), '[^,]{1,100}').optional(),
	silentForS: z.coerce
		.number()
		.int()
		.min(0)
		.max(1e9)
		.optional()
		.meta({ description: 'without a sign of life for so long' }),
});
export const DeviceQuery = pageQuery(/^[A-Za-z0-9_-]{1,500}$/).extend({
	...DeviceFilter.shape,
	ids: list(Id, ID).optional(),
	sort: DeviceSort.default('name'),
});
export const FoundDevices = page(Device).extend({ total: z.int().meta({ description: 'how many match in all' }) });
/** Nothing written is nothing known. */
const orNull = (text: z.ZodType<string, string>) =>
	text
		.transform((s) => (s === '' ? null : s))
		.nullable()
		.optional();
const details = {
	name: orNull(Line(200)),
	model: orNull(Line(100)),
	enabled: z.boolean().optional(),
	group: Id.nullable().optional(),
	plate: orNull(Line(32)),
	phone: orNull(
		z
			.string()
			.trim()
			.max(30)
			.regex(/^[+0-9 ()./-]*$/, 'digits, + and blanks'),
	),
	category: orNull(Line(32)),
	notes: orNull(
		z
			.string()
			.max(4000)
			.refine((s) => !s.includes('\0') && s.isWellFormed(), 'no zero characters, no halves of characters'),
	),
};
export const DeviceCreate = z.strictObject({ imei: Imei, ...details });
export const DevicePatch = z.strictObject(details);

export const StateValue = z.object({
	id: z.int(),
	name: z.string().nullable(),
	value: z.number().nullable(),
	text: z.string().nullable(),
	unit: z.string().nullable(),
	label: z.string().nullable(),
});
export const DeviceState = z.object({
	device: Device,
	lastRecordAt: Time.nullable(),
	receivedAt: Time.nullable(),
	updatedAt: Time.nullable(),
	altitude: z.number().nullable(),
	satellites: z.number().nullable(),
	fixValid: z.boolean().nullable(),
	family: z.string().nullable(),
	familyHow: z.string().nullable(),
	session: z.object({
		online: z.boolean(),
		gateway: z.string().nullable(),
		address: z.string().nullable(),
		connectedAt: Time.nullable(),
		disconnectedAt: Time.nullable(),
		disconnectReason: z.string().nullable(),
	}),
	readings: z.record(z.string(), z.unknown()).meta({ description: 'columns of the view device_state' }),
	io: z.array(StateValue),
});

export const DeviceEvent = z.object({
	at: Time,
	receivedAt: Time,
	kind: z.string(),
	name: z.string().nullable(),
	severity: z.string(),
	value: z.number().nullable(),
	text: z.string().nullable(),
	unit: z.string().nullable(),
	label: z.string().nullable(),
	latitude: z.number().nullable(),
	longitude: z.number().nullable(),
});

export const Why = z.object({
	imei: z.string(),
	reason: z.string(),
	answer: z.string(),
	advice: z.string(),
	reasons: z.array(z.object({ reason: z.string(), answer: z.string(), advice: z.string() })),
	facts: z.array(z.object({ fact: z.string(), text: z.string() })),
});
export const PastSession = z.object({
	from: Time,
	to: Time.nullable(),
	gateway: z.string().nullable(),
	address: z.string().nullable(),
	reason: z.string().nullable(),
	records: z.number().nullable(),
});

// ---- commands

export const CommandStatus = z.enum(['pending', 'sent', 'acked', 'failed', 'expired', 'cancelled']);
export const Command = z.object({
	id: Id,
	imei: z.string(),
	device: Id.nullable(),
	deviceName: z.string().nullable(),
	text: z.string().nullable().meta({ description: 'null: no right to read texts and answers' }),
	codec: z.int(),
	status: CommandStatus,
	attempts: z.int(),
	maxAttempts: z.int().nullable(),
	createdAt: Time,
	createdBy: z.string().nullable(),
	updatedAt: Time,
	sentAt: Time.nullable(),
	respondedAt: Time.nullable(),
	nextRetryAt: Time.nullable(),
	expiresAt: Time.nullable(),
	response: z.string().nullable(),
	responseHex: z.string().nullable(),
	error: z.string().nullable(),
});
export const CommandQuery = PageQuery.extend({
	status: list(CommandStatus, CommandStatus.options.join('|')).optional(),
	device: DeviceRef.optional(),
});
const commandText = z.string().min(1).max(1000);
export const CommandText = commandText.regex(/^[\x20-\x7e]+$/, 'printable ASCII');
const options = {
	codec: z.union([z.literal(12), z.literal(14)]).optional(),
	maxAttempts: z.int().min(1).max(100).optional(),
	expiresInS: z
		.int()
		.min(10)
		.max(30 * 86400)
		.optional(),
};
const what = {
	template: Id.optional(),
	parameters: z.record(z.string().max(50), z.string().max(200)).optional(),
	text: CommandText.optional(),
	confirm: z
		.string()
		.max(1000)
		.optional()
		.meta({ description: 'typed: of a dangerous template its name, of a text its first word' }),
};
export const CommandSend = z.strictObject({ ...what, ...options });
export const BulkSend = z.strictObject({
	devices: z.array(DeviceRef).min(1).max(1000),
	...what,
	...options,
	dryRun: z.boolean().default(false),
});
/** Why a device is left out of what is done to many. */
export const refusals = ['gone', 'twice', 'disabled', 'mayNot', 'templatesAlone', 'role'] as const;
export type Refusal = (typeof refusals)[number];
export const BulkItem = z.object({
	device: z.string(),
	imei: z.string().nullable(),
	name: z.string().nullable(),
	text: z.string().nullable(),
	outcome: z.enum(['queued', 'would-queue', 'refused']),
	reason: z.string().nullable(),
	refusal: z.enum(refusals).nullable().meta({ description: 'the kind of the reason' }),
	command: Id.nullable(),
	speed: z.number().nullable(),
	fixAt: Time.nullable(),
});
export const BulkResult = z.object({
	dryRun: z.boolean(),
	queued: z.int(),
	refused: z.int(),
	items: z.array(BulkItem),
});

export const TemplateParameter = z.strictObject({
	name: z.string().regex(/^[a-z][a-zA-Z0-9_]{0,30}$/),
	label: Line(100).optional(),
	type: z.enum(['text', 'number', 'choice']).default('text'),
	min: z.number().optional(),
	max: z.number().optional(),
	choices: z.array(Line(100)).max(50).optional(),
	choiceLabels: z.array(Line(100)).max(50).optional().meta({ description: 'what each of the choices is called' }),
});
export const Template = z.object({
	id: Id,
	name: z.string(),
	description: z.string(),
	text: z.string().meta({ description: 'with {name} where a parameter goes' }),
	parameters: z.array(TemplateParameter),
	codec: z.int(),
	dangerous: z.boolean(),
	role: RoleName.meta({ description: 'who may use it: this role or a higher one' }),
});
export const TemplateWrite = z.strictObject({
	name: Name,
	description: Line(2000).default(''),
	text: commandText.regex(/^ *[\x21-\x7e][\x20-\x7e]*$/, 'printable ASCII, and not blanks alone'),
	parameters: z.array(TemplateParameter).max(10).default([]),
	codec: z.union([z.literal(12), z.literal(14)]).default(12),
	dangerous: z.boolean().default(false),
	role: z.enum(['operator', 'installer', 'admin']).default('operator'),
});

// ---- groups and users

export const Group = z.object({
	id: Id,
	name: z.string(),
	parent: Id.nullable().meta({ description: 'null: it is the root' }),
	devices: z.int(),
	role: RoleName.nullable().meta({ description: "the reader's own role in it" }),
});
export const GroupWrite = z.strictObject({ name: Name, parent: Id.default('1') });
export const GroupPatch = z.strictObject({ name: Name.optional(), parent: Id.optional() });

export const User = z.object({
	id: Id,
	login: z.string(),
	name: z.string(),
	disabled: z.boolean(),
	locale: z.string().nullable(),
	roles: z.array(GroupRole),
	createdAt: Time.nullable(),
	hasPassword: z.boolean(),
});
const roleList = z
	.array(z.strictObject({ group: Id, role: RoleName, readsCommands: z.boolean().default(false) }))
	.max(200)
	.refine((l) => new Set(l.map((r) => r.group)).size === l.length, 'one role a group')
	.refine((l) => l.every((r) => r.role !== 'admin' || r.group === '1'), 'admins are made at the root, group 1');
export const UserCreate = z.strictObject({
	login: Login,
	name: Name,
	password: Password.optional().meta({ description: 'without it, a one-time link sets one' }),
	roles: roleList.default([]),
});
export const UserPatch = z.strictObject({
	name: Name.optional(),
	disabled: z.boolean().optional(),
	password: Password.optional(),
	roles: roleList.optional(),
});
export const OneTimeLink = z.object({ path: z.string(), expiresAt: Time });

// ---- the rest

export const FleetSummary = z.object({
	at: Time,
	devices: z.int(),
	byState: z.record(StateName, z.int()),
	online: z.int(),
	models: z.array(z.string()).meta({ description: 'that the devices have, in order' }),
	out: z.object({ disabled: z.int(), refused: z.int(), never: z.int() }),
});
export const FeedStatus = z.object({
	state: z.enum(['live', 'late', 'away']),
	reason: z.string().nullable(),
	asOf: Time.nullable().meta({ description: 'newest change that is known' }),
	checkedAt: Time.nullable(),
	way: z.enum(['feed', 'poll']),
});
export const LiveQuery = z.strictObject({
	since: z.coerce.number().min(0).optional().meta({ description: 'asOf of the last answer' }),
	ids: list(Id, ID).optional(),
	limit: z.coerce.number().int().min(1).max(20000).default(5000),
});
export const LiveDevice = z.object({
	id: Id,
	state: z.enum([...states, 'gone']),
	online: z.boolean(),
	ignition: z.boolean().nullable(),
	latitude: z.number().nullable(),
	longitude: z.number().nullable(),
	speed: z.number().nullable(),
	heading: z.number().nullable(),
	lastSeenAt: Time.nullable(),
});
export const LiveAnswer = z.object({
	asOf: z.number(),
	status: FeedStatus,
	more: z.boolean(),
	items: z.array(LiveDevice),
});
export const Refused = z.object({
	imei: z.string(),
	reason: z.string(),
	firstSeenAt: Time,
	lastSeenAt: Time,
	attempts: z.number(),
	address: z.string().nullable(),
	device: Id.nullable().meta({ description: 'once it is registered' }),
	enabled: z.boolean(),
	online: z.boolean(),
});
export const AuditEntry = z.object({
	id: Id,
	at: Time,
	user: Id.nullable(),
	login: z.string().nullable(),
	action: z.string(),
	object: z.string().nullable(),
	detail: z.record(z.string(), z.unknown()).nullable(),
	address: z.string().nullable(),
});
