/** The entry for whoever isn't signed in: sign-in, and one-time links (first administrator, new password, display). */
import i18next from 'i18next';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { atSignIn } from '../i18n/at_sign_in.ts';
import { startI18n } from '../i18n/index.ts';
import { applyTheme, storedTheme } from '../theme/theme.ts';
import '../theme/base.css';
import { Claim } from './claim.tsx';
import { SignIn } from './sign_in.tsx';
import { Frame } from './frame.tsx';

applyTheme(storedTheme());
await startI18n(atSignIn);
document.title = `${i18next.t('signIn.title')} · ${i18next.t('product')}`;

/** The token is in the fragment, which no server and no log sees; it leaves the address bar at once. */
function takeToken(): string | null {
	const token = location.hash.slice(1);
	if (token === '') return null;
	history.replaceState(null, '', location.pathname);
	return token;
}

const root = document.getElementById('root');
if (root === null) throw new Error('login.html has no #root');
const token = location.pathname.startsWith('/setup') ? takeToken() : null;
createRoot(root).render(
	<StrictMode>
		<Frame>{location.pathname.startsWith('/setup') ? <Claim token={token} /> : <SignIn />}</Frame>
	</StrictMode>,
);
