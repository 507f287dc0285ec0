/**
 * Who is who: users with their roles, and the tree of groups, held in memory and true within 2 s. Notices of changes
 * bring what changed; while they can't be heard, what is older than a second is asked for again.
 */
import { EventEmitter } from 'node:events';
import { sql, type Kysely } from 'kysely';
import type { Parents, Rights, Role } from '../shared/permissions.ts';
import type { Notice } from './fleet/notices.ts';
import type { Tables } from './tables.ts';

export interface Person extends Rights {
	id: string;
	login: string;
	name: string;
	disabled: boolean;
	locale: string | null;
	settings: Record<string, unknown>;
}

export interface GroupEntry {
	id: string;
	name: string;
	parent: string | null;
}

interface Events {
	/** These users' rights may be others now; null: all. */
	people: [ids: string[] | null];
	groups: [];
}

const STALE_MS = 1000;
/** So often everything is read again for somebody who is not known. */
const SEEKS_A_SECOND = 5;

export class Directory extends EventEmitter<Events> {
	readonly #db: Kysely<Tables>;
	readonly #heard: () => boolean;
	#people = new Map<string, Person>();
	/** By user: a digest of the stored password, for seals; it leaves this process by no way. */
	#keys = new Map<string, Buffer>();
	#groups = new Map<string, GroupEntry>();
	#parents: Parents = new Map();
	#loadedAt = 0;
	#seekSecond = 0;
	#seeks = 0;
	#loading: Promise<void> | null = null;

	constructor(db: Kysely<Tables>, heard: () => boolean) {
		super();
		this.#db = db;
		this.#heard = heard;
	}

	get parents(): Parents {
		return this.#parents;
	}

	get groups(): ReadonlyMap<string, GroupEntry> {
		return this.#groups;
	}

	/** What is held may be old: it is read again before anybody is believed. */
	distrust(): void {
		this.#loadedAt = 0;
	}

	/** True while what is held can be trusted. */
	async fresh(): Promise<void> {
		if (this.#loadedAt === 0 || (!this.#heard() && Date.now() - this.#loadedAt > STALE_MS)) await this.load();
	}

	/** Null: there is nobody with this id, or who is disabled. */
	async person(id: string): Promise<Person | null> {
		await this.fresh();
		// Whoever was made by another process a moment ago has a session already, while the notice is under way.
		// A reading that is under way may have begun before that.
		for (let i = 0; i < 2 && !this.#people.has(id) && this.#maySeek(); i++) await this.load();
		const found = this.#people.get(id);
		return found === undefined || found.disabled ? null : found;
	}

	/** Without asking: for sockets, which hear of changes. */
	known(id: string): Person | null {
		const found = this.#people.get(id);
		return found === undefined || found.disabled ? null : found;
	}

	loginOf(id: string): string | null {
		return this.#people.get(id)?.login ?? null;
	}

	/** The id of whoever has this login, as far as is known; for what may be wrong for a moment. */
	byLogin(login: string): string | null {
		for (const person of this.#people.values())
			if (person.login.toLowerCase() === login && !person.disabled) return person.id;
		return null;
	}

	/** Another one after a new password; null: there is none. */
	keyOf(id: string): Buffer | null {
		return this.#keys.get(id) ?? null;
	}

	/** Sessions of users who are gone ask for them, too. */
	#maySeek(): boolean {
		const second = Math.floor(Date.now() / 1000);
		if (second !== this.#seekSecond) this.#seeks = 0;
		this.#seekSecond = second;
		return this.#seeks++ < SEEKS_A_SECOND;
	}

	load(): Promise<void> {
		this.#loading ??= this.#load().finally(() => (this.#loading = null));
		return this.#loading;
	}

	/** After a change of one's own, or a notice. */
	async reload(notice?: Notice): Promise<void> {
		// One that is under way may have read before the change; if reading fails, the next who asks tries again.
		this.distrust();
		if (this.#loading !== null) {
			await this.#loading.catch(() => undefined);
			this.distrust();
		}
		await this.load();
		if (notice?.kind === 'group') this.emit('groups');
		this.emit('people', notice?.kind === 'user' && notice.ids !== '*' ? notice.ids : null);
	}

	async #load(): Promise<void> {
		const users = await this.#db
			.selectFrom('omnitrack.users')
			.select(['id', 'login', 'name', 'disabled', 'locale', 'settings'])
			.select(sql<Buffer | null>`sha256(convert_to(password, 'UTF8'))`.as('key'))
			.execute();
		const given = await this.#db.selectFrom('omnitrack.roles').selectAll().execute();
		const groups = await this.#db.selectFrom('omnitrack.groups').select(['id', 'name', 'parent_id']).execute();
		const roles = new Map<string, Map<string, Role>>();
		const reads = new Map<string, Set<string>>();
		for (const g of given) {
			roles.set(g.user_id, (roles.get(g.user_id) ?? new Map<string, Role>()).set(g.group_id, g.role));
			if (g.reads_commands) reads.set(g.user_id, (reads.get(g.user_id) ?? new Set<string>()).add(g.group_id));
		}
		this.#people = new Map(
			users.map(({ key: _, ...u }) => [
				u.id,
				{ ...u, roles: roles.get(u.id) ?? new Map(), readsCommands: reads.get(u.id) ?? new Set() },
			]),
		);
		this.#keys = new Map(users.flatMap((u) => (u.key === null ? [] : [[u.id, u.key]])));
		this.#groups = new Map(groups.map((g) => [g.id, { id: g.id, name: g.name, parent: g.parent_id }]));
		this.#parents = new Map(groups.map((g) => [g.id, g.parent_id]));
		this.#loadedAt = Date.now();
	}

	/** A group and all below it. */
	within(group: string): Set<string> {
		const found = new Set([group]);
		for (let grew = true; grew; ) {
			grew = false;
			for (const g of this.#groups.values())
				if (g.parent !== null && found.has(g.parent) && !found.has(g.id)) {
					found.add(g.id);
					grew = true;
				}
		}
		return found;
	}
}

/** Who is an administrator is changed by one transaction at a time; else two would each count on the other's. */
export async function holdAdmins(db: Kysely<Tables>): Promise<void> {
	await sql`SELECT pg_advisory_xact_lock(hashtext('omnitrack.roles'), 1)`.execute(db);
}

/** Is there nobody yet who could let others in? */
export async function hasNoAdmin(db: Kysely<Tables>): Promise<boolean> {
	const found = await sql<{ none: boolean }>`
		SELECT NOT EXISTS (SELECT FROM omnitrack.roles r JOIN omnitrack.users u ON u.id = r.user_id
			WHERE r.role = 'admin' AND NOT u.disabled) AS none`.execute(db);
	return found.rows[0]?.none ?? false;
}
