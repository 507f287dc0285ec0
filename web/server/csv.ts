/**
 * Reads CSV piece by piece: commas, semicolons or tabs (whichever the first line has most of), quotes as in RFC 4180, lines
 * that end in LF or CRLF, a byte order mark. Writes lines of it, in which no cell is a formula. Pure.
 */

export class CsvError extends Error {
	readonly line: number;
	constructor(line: number, message: string) {
		super(message);
		this.line = line;
	}
}

const MOST_CHARACTERS = 10_000;
const MOST_FIELDS = 100;

export interface CsvRow {
	/** Where it begins in the file; the first line is 1. */
	line: number;
	fields: string[];
}

/** The separator of a first line, quoted parts left out. */
function separatorOf(text: string): string {
	const bare = (text.split(/\r?\n/, 1)[0] ?? '').replace(/"[^"]*"/g, '');
	const count = (c: string) => bare.split(c).length;
	return [',', ';', '\t'].reduce((best, c) => (count(c) > count(best) ? c : best));
}

export class CsvReader {
	#text = '';
	#separator: string | null = null;
	#line = 1;
	#began = 1;
	#fields: string[] = [];
	#field = '';
	/** Within quotes; `closed`: they have just ended, which a further quote undoes. */
	#state: 'plain' | 'quoted' | 'closed' = 'plain';

	/** The rows that are whole with this piece. Throws a CsvError. */
	push(piece: string): CsvRow[] {
		this.#text += piece;
		if (this.#separator === null) {
			// The first line decides.
			if (!this.#text.includes('\n') && this.#text.length < MOST_CHARACTERS) return [];
			this.#start();
		}
		const text = this.#text;
		this.#text = '';
		return this.#read(text);
	}

	/** What the end of the file completes. */
	end(): CsvRow[] {
		if (this.#separator === null) this.#start();
		const text = this.#text;
		this.#text = '';
		const rows = this.#read(text);
		if (this.#state === 'quoted') throw new CsvError(this.#began, 'a quote is not closed');
		if (this.#field !== '' || this.#fields.length > 0) this.#row(rows);
		return rows;
	}

	#start(): void {
		this.#text = this.#text.replace(/^\u{feff}/u, '');
		this.#separator = separatorOf(this.#text);
	}

	#read(text: string): CsvRow[] {
		const rows: CsvRow[] = [];
		for (const c of text) {
			if (this.#state === 'quoted') this.#quoted(c);
			else if (c === '"' && this.#state === 'closed') this.#add(c, 'quoted');
			else if (c === '"' && this.#field === '') this.#state = 'quoted';
			else if (c === this.#separator) this.#next();
			else if (c === '\n') this.#row(rows);
			else if (c !== '\r') {
				if (this.#state === 'closed') throw new CsvError(this.#line, 'something stands behind a closed quote');
				this.#add(c, 'plain');
			}
			if (c === '\n') this.#line++;
			if (this.#field === '' && this.#fields.length === 0 && this.#state === 'plain') this.#began = this.#line;
		}
		return rows;
	}

	#quoted(c: string): void {
		if (c === '"') this.#state = 'closed';
		else this.#add(c, 'quoted');
	}

	#add(c: string, state: 'plain' | 'quoted'): void {
		if (this.#field.length >= MOST_CHARACTERS) throw new CsvError(this.#line, 'a cell is too long');
		this.#field += c;
		this.#state = state;
	}

	#next(): void {
		if (this.#fields.length >= MOST_FIELDS) throw new CsvError(this.#line, 'a line has too many cells');
		this.#fields.push(this.#field);
		this.#field = '';
		this.#state = 'plain';
	}

	#row(rows: CsvRow[]): void {
		this.#next();
		// A blank line is none.
		if (this.#fields.some((f) => f.trim() !== '')) rows.push({ line: this.#began, fields: this.#fields });
		this.#fields = [];
	}
}

/** A spreadsheet runs what begins so. */
export function safeCell(text: string): string {
	return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
}

/** With its end; null: an empty cell. */
export function csvLine(cells: readonly (string | null)[]): string {
	const quoted = cells.map((cell) => {
		const text = safeCell(cell ?? '');
		return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
	});
	return `${quoted.join(',')}\n`;
}
