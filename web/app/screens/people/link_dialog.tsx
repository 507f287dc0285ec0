/** A one-time link, to be given to somebody: shown once. */
import { useTranslation } from 'react-i18next';
import type { OneTimeLink, User } from '../../api/queries.ts';
import { useLocale } from '../../i18n/locale.ts';
import { Button } from '../../ui/controls.tsx';
import { useCopy } from '../../ui/copy.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { shortTime } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';
import css from './people.module.css';

export interface MadeLink {
	user: User;
	link: OneTimeLink;
	/** Sets a password, or signs in a display on a wall. */
	kind: 'password' | 'display';
}

const help = { password: 'people.linkHelp', display: 'people.displayHelp' } as const;
const title = { password: 'people.link', display: 'people.displayLink' } as const;

export function LinkDialog({ made: { user, link, kind }, onClose }: { made: MadeLink; onClose: () => void }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const address = `${location.origin}${link.path}`;
	const { copied, copy } = useCopy(address);
	return (
		<Dialog title={t(title[kind])} isOpen onClose={onClose}>
			<div className={page.form}>
				<p>{t(help[kind], { name: user.name, time: shortTime(Date.parse(link.expiresAt), locale) })}</p>
				<code className={css.link}>{address}</code>
				<div className={page.buttons}>
					<Button kind="primary" icon={copied ? 'check' : 'link'} onPress={copy}>
						{copied ? t('copied') : t('people.copyLink')}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}
