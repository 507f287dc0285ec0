/** Hex digits as lines of a dump. Pure. */

export interface HexLine {
	/** Where the line begins, in hex. */
	at: string;
	bytes: string;
	letters: string;
}

const A_LINE = 16;

export function hexLines(hex: string): HexLine[] {
	const lines: HexLine[] = [];
	for (let at = 0; at < hex.length; at += 2 * A_LINE) {
		const bytes = hex.slice(at, at + 2 * A_LINE).match(/../g) ?? [];
		lines.push({
			at: (at / 2).toString(16).padStart(4, '0'),
			bytes: `${bytes.slice(0, 8).join(' ')}  ${bytes.slice(8).join(' ')}`.trimEnd(),
			letters: bytes
				.map((b) => {
					const code = parseInt(b, 16);
					return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '·';
				})
				.join(''),
		});
	}
	return lines;
}
