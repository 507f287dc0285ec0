/** What the tab of the browser, its history and a screen reader call this page. */
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

/** Undefined: not known yet. The innermost that is on the page counts. */
export function useTitle(title: string | undefined): void {
	const { t } = useTranslation();
	const product = t('product');
	useEffect(() => {
		if (title === undefined) return;
		const before = document.title;
		document.title = `${title} · ${product}`;
		return () => {
			document.title = before;
		};
	}, [title, product]);
}
