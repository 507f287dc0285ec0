/** The last digit of an IMEI follows from the others: a digit that was read wrong shows. Pure. */
export function hasRightCheckDigit(imei: string): boolean {
	const sum = Array.from(imei, Number).reduce((total, digit, at) => {
		const n = digit * (at % 2 === 1 ? 2 : 1);
		return total + (n > 9 ? n - 9 : n);
	}, 0);
	return sum % 10 === 0;
}

/** The IMEI in what a code says; labels also say serial number and model. Null: there is none. */
export function imeiIn(text: string): string | null {
	const all = text.match(/(?<!\d)\d{15}(?!\d)/g) ?? [];
	return all.find(hasRightCheckDigit) ?? all[0] ?? null;
}
