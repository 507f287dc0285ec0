/** Who the numbers of the live frame are, with the text that a search looks through. */
import { fold, orderKey } from '../../shared/text.ts';

export interface Who {
	id: string;
	imei: string;
	name: string | null;
	plate: string | null;
	group: string | null;
	model: string | null;
	category: string | null;
}

export class Names {
	readonly #who: (Who | undefined)[] = [];
	readonly #folded: (string | undefined)[] = [];
	readonly #keys: (string | undefined)[] = [];
	version = 0;
	#order: { ranks: Uint32Array; byRank: Uint32Array } = { ranks: new Uint32Array(0), byRank: new Uint32Array(0) };
	#orderedVersion = -1;

	forget(): void {
		this.#who.length = 0;
		this.#folded.length = 0;
		this.#keys.length = 0;
		this.version++;
	}

	set(number: number, who: Who): void {
		this.#who[number] = who;
		this.#folded[number] = fold(`${who.name ?? ''} ${who.plate ?? ''} ${who.imei}`);
		this.#keys[number] = orderKey(titleOf(who));
		this.version++;
	}

	get(number: number): Who | undefined {
		return this.#who[number];
	}

	/** All words are in name, plate or IMEI. */
	matches(number: number, words: readonly string[]): boolean {
		const text = this.#folded[number] ?? '';
		return words.every((w) => text.includes(w));
	}

	/** Place of each number in the order of names, and back; made anew when names have come, not with each sort. */
	order(): { ranks: Uint32Array; byRank: Uint32Array } {
		if (this.#orderedVersion === this.version) return this.#order;
		this.#orderedVersion = this.version;
		const keys = Array.from(this.#keys, (key) => key ?? '');
		const byRank = Uint32Array.from(keys.keys()).sort((a, b) => {
			const [x = '', y = ''] = [keys[a], keys[b]];
			return x < y ? -1 : x > y ? 1 : a - b;
		});
		const ranks = new Uint32Array(byRank.length);
		byRank.forEach((number, rank) => (ranks[number] = rank));
		this.#order = { ranks, byRank };
		return this.#order;
	}

	title(number: number): string | undefined {
		const who = this.#who[number];
		return who === undefined ? undefined : titleOf(who);
	}
}

/** What one calls a device: its name, else its plate, else its IMEI. */
export function titleOf(who: { name: string | null; plate: string | null; imei: string }): string {
	return who.name ?? who.plate ?? who.imei;
}
