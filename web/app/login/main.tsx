/** The entry for whoever isn't signed in: sign-in, and one-time links (first administrator, new password, display). */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { startI18n } from '../i18n/index.ts';
import { applyTheme, storedTheme } from '../theme/theme.ts';
import '../theme/base.css';
import { Claim } from './claim.tsx';
import { SignIn } from './sign_in.tsx';
import { Frame } from './frame.tsx';

applyTheme(storedTheme());
await startI18n();

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
