/** The application's entry: who is signed in, then the shell. Everything else is fetched when it is needed. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { retry } from './api/queries.ts';
import { startI18n } from './i18n/index.ts';
import { whole } from './i18n/whole.ts';
import { LiveContext } from './live/context.tsx';
import { Live } from './live/socket.ts';
import { fetchScreens, makeRouter } from './router.tsx';
import { applyTheme, storedTheme } from './theme/theme.ts';
import './theme/base.css';

applyTheme(storedTheme());
await startI18n(whole);

const queries = new QueryClient({
	defaultOptions: { queries: { retry, staleTime: 2000, refetchOnWindowFocus: true } },
});
const live = new Live(queries);
const router = makeRouter(queries);
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
	<StrictMode>
		<QueryClientProvider client={queries}>
			<LiveContext value={live}>
				<RouterProvider router={router} />
			</LiveContext>
		</QueryClientProvider>
	</StrictMode>,
);
// When what was asked for first is there.
setTimeout(fetchScreens, 2000);
