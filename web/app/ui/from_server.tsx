/** What server, gateway and dictionary say is English, whatever the language of the page; who reads it aloud must know. */
import type { ReactNode } from 'react';

export function FromServer({ children }: { children: ReactNode }) {
	return <span lang="en">{children}</span>;
}
