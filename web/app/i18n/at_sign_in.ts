/** The texts of the sign-in, without those of the house behind it. */
import { common } from './en/common.ts';
import { signIn } from './en/sign_in.ts';
import type { Texts } from './index.ts';

export const atSignIn: Texts = {
	en: { ...common, ...signIn },
	async de() {
		const [shared, own] = await Promise.all([import('./de/common.ts'), import('./de/sign_in.ts')]);
		return { ...shared.common, ...own.signIn };
	},
	async pl() {
		const [shared, own] = await Promise.all([import('./pl/common.ts'), import('./pl/sign_in.ts')]);
		return { ...shared.common, ...own.signIn };
	},
};
