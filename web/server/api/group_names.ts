/** Groups by what people write: an id, a name that one group alone has, or a path as "North/Trucks". */
import { authorize } from '../../shared/permissions.ts';
import type { Context } from '../http/route.ts';

export class GroupNames {
	readonly #byText = new Map<string, string | null>();
	readonly #may = new Map<string, boolean>();
	readonly #ctx: Pick<Context, 'app' | 'person'>;

	/** Of the groups that the person may see. */
	constructor(ctx: Pick<Context, 'app' | 'person'>) {
		this.#ctx = ctx;
		const { directory } = ctx.app;
		for (const group of directory.groups.values()) {
			if (!authorize(ctx.person, 'device.read', directory.parents, { group: group.id })) continue;
			const path = [group.name];
			for (let at = group.parent; at !== null; at = directory.groups.get(at)?.parent ?? null) {
				// From below the root, and with it.
				this.#put(path.join('/'), group.id);
				path.unshift(directory.groups.get(at)?.name ?? '');
			}
			this.#put(path.join('/'), group.id);
		}
	}

	#put(text: string, id: string): void {
		const key = text.toLowerCase();
		const before = this.#byText.get(key);
		this.#byText.set(key, before === undefined || before === id ? id : null);
	}

	/** Null: there is none, or more than one. */
	find(text: string): string | null {
		const { groups } = this.#ctx.app.directory;
		const byName = this.#byText.get(text.replace(/^\//, '').toLowerCase());
		return byName ?? (byName === undefined && groups.has(text) && this.mayPutInto(text) ? text : null);
	}

	mayPutInto(group: string): boolean {
		const { app, person } = this.#ctx;
		let may = this.#may.get(group);
		may ??= app.directory.groups.has(group) && authorize(person, 'device.create', app.directory.parents, { group });
		this.#may.set(group, may);
		return may;
	}
}
