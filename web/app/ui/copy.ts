/** Copies a text to the clipboard; a browser that forbids it changes nothing. */
import { useState } from 'react';

export function useCopy(text: string): { copied: boolean; copy: () => void } {
	const [copied, setCopied] = useState(false);
	const copy = () => {
		navigator.clipboard.writeText(text).then(
			() => setCopied(true),
			() => setCopied(false),
		);
	};
	return { copied, copy };
}
