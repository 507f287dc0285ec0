/**
 * What a language must say, of what English says (en/): every text and no other, which the compiler checks. `one` and
 * `other` of English stand for all plural forms that the language has.
 */
type Same<English, Forms extends string> = {
	[Key in keyof English & string as Key extends `${infer Text}_other`
		? `${Text}_${Forms}`
		: Key extends `${infer Text}_one`
			? `${Text}_other` extends keyof English
				? never
				: Key
			: Key]: English[Key] extends string ? string : Same<English[Key], Forms>;
};

export type De<English> = Same<English, 'one' | 'other'>;
export type Pl<English> = Same<English, 'one' | 'few' | 'many' | 'other'>;
