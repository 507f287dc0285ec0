/** A value once it has been the same for a moment: who types isn't asked for after each letter. */
import { useEffect, useState } from 'react';

const TYPED_MS = 150;

export function useSettled<T>(value: T): T {
	const [settled, setSettled] = useState(value);
	useEffect(() => {
		const timer = setTimeout(() => setSettled(value), TYPED_MS);
		return () => clearTimeout(timer);
	}, [value]);
	return settled;
}
