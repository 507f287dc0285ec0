/**
 * Rooms of the live feed: one per map tile and visibility class that somebody looks at. Which devices changed goes in;
 * which rooms hear of which devices comes out. Pure: it knows neither sockets nor time.
 *
 * A class is the set of groups that clients may see; two clients with the same rights share rooms, and so frames.
 * A device that has left a tile, or a class, is told there once more.
 */
import { LEVELS, tileX, tileY } from '../../shared/tiles.ts';
import type { Columns } from '../fleet/columns.ts';
import { NOWHERE } from '../fleet/columns.ts';

export interface VisibilityClass {
	key: string;
	/** Null: all devices, also those in no group. */
	groups: ReadonlySet<string> | null;
}

export function classOf(groups: ReadonlySet<string> | null): VisibilityClass {
	return { key: groups === null ? '*' : [...groups].sort().join(','), groups };
}

export function sees(c: Pick<VisibilityClass, 'groups'>, group: string | null | undefined): boolean {
	return c.groups === null || (group !== null && group !== undefined && c.groups.has(group));
}

export interface Room<Client> {
	tile: string;
	class: VisibilityClass;
	clients: Set<Client>;
}

/** Which devices a room is told of; gone: those that it is told no more about. */
export interface Told<Client> {
	room: Room<Client>;
	places: number[];
	gone: number[];
}

/** The tile of a place in 1e-7 degrees; where nothing is known, that of the world at level 0, and none otherwise. */
export function tileAt(latitude: number, longitude: number, level: number): string | null {
	if (latitude === NOWHERE) return level === 0 ? '0/0/0' : null;
	return `${level}/${tileX(longitude / 1e7, level)}/${tileY(latitude / 1e7, level)}`;
}

interface Sent {
	latitude: number;
	longitude: number;
	group: string | null;
}

export class Rooms<Client> {
	/** By tile, then by class. */
	readonly #rooms = new Map<string, Map<string, Room<Client>>>();
	readonly #levels = new Map<number, number>();
	readonly #of = new Map<Client, Room<Client>[]>();
	/** What was last told of each place. */
	readonly #sent = new Map<number, Sent>();

	get size(): number {
		let n = 0;
		for (const classes of this.#rooms.values()) n += classes.size;
		return n;
	}

	join(client: Client, visibility: VisibilityClass, tiles: readonly string[]): void {
		this.leave(client);
		const joined: Room<Client>[] = [];
		for (const tile of new Set(tiles)) {
			const classes = this.#rooms.get(tile) ?? new Map<string, Room<Client>>();
			const room = classes.get(visibility.key) ?? { tile, class: visibility, clients: new Set<Client>() };
			if (room.clients.size === 0) {
				const level = Number(tile.split('/')[0]);
				this.#levels.set(level, (this.#levels.get(level) ?? 0) + 1);
			}
			room.clients.add(client);
			classes.set(visibility.key, room);
			this.#rooms.set(tile, classes);
			joined.push(room);
		}
		this.#of.set(client, joined);
	}

	leave(client: Client): void {
		for (const room of this.#of.get(client) ?? []) {
			room.clients.delete(client);
			if (room.clients.size > 0) continue;
			const classes = this.#rooms.get(room.tile);
			classes?.delete(room.class.key);
			if (classes?.size === 0) this.#rooms.delete(room.tile);
			const level = Number(room.tile.split('/')[0]);
			const left = (this.#levels.get(level) ?? 1) - 1;
			if (left > 0) this.#levels.set(level, left);
			else this.#levels.delete(level);
		}
		this.#of.delete(client);
	}

	/** Who hears of these places, which have changed since the last call. */
	tell(fleet: Columns, dirty: Iterable<number>): Told<Client>[] {
		const told = new Map<Room<Client>, Told<Client>>();
		const levels = LEVELS.filter((l) => this.#levels.has(l));
		for (const at of dirty) {
			const device = fleet.inventory[at];
			const before = this.#sent.get(at);
			const now: Sent = {
				latitude: fleet.latitude[at] ?? NOWHERE,
				longitude: fleet.longitude[at] ?? NOWHERE,
				group: device?.group ?? null,
			};
			for (const level of levels) {
				const tile = tileAt(now.latitude, now.longitude, level);
				const old = before ? tileAt(before.latitude, before.longitude, level) : tile;
				for (const name of tile === old ? [tile] : [tile, old]) {
					if (name === null) continue;
					for (const room of this.#rooms.get(name)?.values() ?? []) {
						const visible = device !== null && device !== undefined && sees(room.class, device.group);
						if (!visible && !(before && sees(room.class, before.group))) continue;
						const list = told.get(room) ?? { room, places: [], gone: [] };
						(visible ? list.places : list.gone).push(at);
						told.set(room, list);
					}
				}
			}
			if (device) this.#sent.set(at, now);
			else this.#sent.delete(at);
		}
		return [...told.values()];
	}
}
