/**
 * Who may do what. A user has one role a group; it holds for the groups below it, and the highest wins. The root of all
 * groups has the id 1; admins are made there alone. A device in no group is seen by admins alone.
 */

export const ROOT = '1';

export const roles = ['viewer', 'operator', 'installer', 'admin'] as const;
export type Role = (typeof roles)[number];

/**
 * What an action is done to: `device` and `group` something in a group; `root` the installation; `any` whoever has a
 * role anywhere (lists, which hold what one may see); `self` whoever is signed in; `public` everybody.
 */
export type Scope = 'device' | 'group' | 'root' | 'any' | 'self' | 'public';

export const actions = {
	public: { scope: 'public', role: null },
	self: { scope: 'self', role: null },
	'devices.list': { scope: 'any', role: 'viewer' },
	'device.read': { scope: 'device', role: 'viewer' },
	/** Asks once whether somebody may register at all; device.create then, whether into that group. */
	'devices.create': { scope: 'any', role: 'installer' },
	'devices.ungrouped': { scope: 'root', role: 'admin' },
	'device.create': { scope: 'group', role: 'installer' },
	'device.update': { scope: 'device', role: 'installer' },
	'device.delete': { scope: 'device', role: 'admin' },
	/** Where it was and what it said, over time. */
	'device.history': { scope: 'device', role: 'viewer' },
	/** Frames in quarantine and debug copies, without their content. */
	'device.raw': { scope: 'device', role: 'installer' },
	/** Asks once whether somebody may export at all; each device then by device.history. */
	'exports.make': { scope: 'any', role: 'viewer' },
	'device.why': { scope: 'device', role: 'installer' },
	'device.trace': { scope: 'device', role: 'installer' },
	'commands.list': { scope: 'any', role: 'viewer' },
	'command.read': { scope: 'device', role: 'viewer' },
	/** Texts and answers: needs a right of its own besides. */
	'command.text': { scope: 'device', role: 'viewer' },
	'command.send': { scope: 'device', role: 'operator' },
	/** A text of one's own, not from a template. */
	'command.free': { scope: 'device', role: 'installer' },
	'commands.send': { scope: 'any', role: 'operator' },
	'templates.list': { scope: 'any', role: 'operator' },
	'templates.edit': { scope: 'root', role: 'admin' },
	'groups.list': { scope: 'any', role: 'viewer' },
	'group.read': { scope: 'group', role: 'viewer' },
	/** Asks once whether somebody may make groups at all; group.create then, whether below that one. */
	'groups.create': { scope: 'root', role: 'admin' },
	'group.edit': { scope: 'group', role: 'admin' },
	'group.create': { scope: 'group', role: 'admin' },
	'users.list': { scope: 'root', role: 'admin' },
	'users.edit': { scope: 'root', role: 'admin' },
	'models.list': { scope: 'any', role: 'viewer' },
	/** Fleet health: who is silent, by the device's own rhythm. */
	'fleet.silent': { scope: 'any', role: 'viewer' },
	'events.list': { scope: 'any', role: 'viewer' },
	/** Asks once; each frame then by device.raw, or refused.list where its IMEI is not registered. */
	'quarantine.list': { scope: 'any', role: 'installer' },
	'quarantine.mark': { scope: 'any', role: 'installer' },
	/** Asks once whether somebody may change devices at all; device.update then, for each. */
	'devices.edit': { scope: 'any', role: 'installer' },
	'gateways.list': { scope: 'root', role: 'installer' },
	'refused.list': { scope: 'root', role: 'installer' },
	'audit.list': { scope: 'root', role: 'admin' },
	/** What stands in the configuration, but for secrets. */
	'configuration.read': { scope: 'root', role: 'admin' },
} as const satisfies Record<string, { scope: Scope; role: Role | null }>;

export type Action = keyof typeof actions;

export interface Rights {
	/** Of each group where a role was given. */
	roles: ReadonlyMap<string, Role>;
	/** Groups in which, and below which, texts of commands and answers may be read: they hold passwords. */
	readsCommands: ReadonlySet<string>;
}

/** The parent of each group; null: of the root. */
export type Parents = ReadonlyMap<string, string | null>;

export function rank(role: Role | null | undefined): number {
	return role === null || role === undefined ? -1 : roles.indexOf(role);
}

/** A group and those above it. */
function* upwards(parents: Parents, group: string): Generator<string> {
	const walked = new Set<string>();
	for (let at: string | null = group; at !== null && !walked.has(at); at = parents.get(at) ?? null) {
		walked.add(at);
		yield at;
	}
}

/** The highest role that holds in a group. */
export function roleIn(rights: Rights, parents: Parents, group: string): Role | null {
	let best = -1;
	for (const at of upwards(parents, group)) best = Math.max(best, rank(rights.roles.get(at)));
	return roles[best] ?? null;
}

export function highestRole(rights: Rights): Role | null {
	return roles[Math.max(-1, ...[...rights.roles.values()].map(rank))] ?? null;
}

export function isAdmin(rights: Rights): boolean {
	return rights.roles.get(ROOT) === 'admin';
}

/** What an action is done to: the group that it is in; null: in none. */
export interface ActionObject {
	group: string | null;
}

function mayReadCommands(user: Rights, parents: Parents, group: string): boolean {
	for (const at of upwards(parents, group)) if (user.readsCommands.has(at)) return true;
	return false;
}

/** The one place where it is decided. A null user isn't signed in. */
export function authorize(user: Rights | null, action: Action, parents: Parents, object?: ActionObject): boolean {
	const need = actions[action];
	if (need.scope === 'public') return true;
	if (user === null) return false;
	if (need.scope === 'self') return true;
	if (isAdmin(user)) return true;
	if (need.scope === 'any') return rank(highestRole(user)) >= rank(need.role);
	if (need.scope === 'root') return rank(user.roles.get(ROOT)) >= rank(need.role);
	if (object === undefined || object.group === null) return false;
	if (rank(roleIn(user, parents, object.group)) < rank(need.role)) return false;
	return action !== 'command.text' || mayReadCommands(user, parents, object.group);
}

/** A wall display shows to whoever passes by: what a viewer may do at most, whoever it was made for, and no texts. */
export function mayDisplay(action: Action): boolean {
	return action !== 'command.text' && rank(actions[action].role) <= rank('viewer');
}

/** The groups whose devices a user may do this to; null: all devices, also those in no group. */
export function groupsFor(user: Rights, action: Action, parents: Parents): Set<string> | null {
	if (isAdmin(user)) return null;
	const found = new Set<string>();
	for (const group of parents.keys()) if (authorize(user, action, parents, { group })) found.add(group);
	return found;
}
