/**
 * PostgreSQL's binary COPY, as far as read.ts asks for it: rows of a time, two doubles and two int4. Pure: bytes in, rows out.
 * One such row is 2 + 5 * 4 + 8 + 8 + 8 + 4 + 4 bytes long, and none has a null.
 */
import { append, type Records } from './records.ts';

const HEAD = 19;
const ROW = 2 + 5 * 4 + 8 + 8 + 8 + 4 + 4;
/** PostgreSQL counts from 2000. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

export class CopyRows {
	#rest: Buffer = Buffer.alloc(0);
	#started = false;
	#ended = false;
	readonly #records: Records;

	constructor(records: Records) {
		this.#records = records;
	}

	/** The last row has come. */
	get ended(): boolean {
		return this.#ended;
	}

	write(chunk: Buffer): void {
		const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
		let at = 0;
		if (!this.#started) {
			if (bytes.length < HEAD) {
				this.#rest = bytes;
				return;
			}
			at = HEAD + bytes.readInt32BE(15);
			this.#started = true;
		}
		while (!this.#ended && bytes.length - at >= 2) {
			const fields = bytes.readInt16BE(at);
			if (fields === -1) {
				this.#ended = true;
				break;
			}
			if (fields !== 5) throw new Error(`a row of ${fields} fields where 5 were asked for`);
			if (bytes.length - at < ROW) break;
			append(
				this.#records,
				// Microseconds in two halves: a bigint a row would cost more than all the rest.
				EPOCH_MS + (bytes.readInt32BE(at + 6) * 4_294_967_296 + bytes.readUInt32BE(at + 10)) / 1000,
				bytes.readDoubleBE(at + 18),
				bytes.readDoubleBE(at + 30),
				bytes.readInt32BE(at + 42),
				bytes.readInt32BE(at + 50),
			);
			at += ROW;
		}
		this.#rest = bytes.subarray(at);
	}
}
