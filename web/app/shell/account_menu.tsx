/** Who is signed in: the theme, the account, the way out. */
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { Button, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover, Separator } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client.ts';
import type { Me } from '../api/queries.ts';
import { applyTheme, storedTheme, themes } from '../theme/theme.ts';
import { Icon } from '../ui/icons.tsx';
import css from './account_menu.module.css';

const themeIcon = { auto: 'theme', light: 'sun', dark: 'moon' } as const;
const themeLabel = { auto: 'nav.themeAuto', light: 'nav.themeLight', dark: 'nav.themeDark' } as const;

function initials(name: string): string {
	return name
		.split(/[\s.@_-]+/)
		.slice(0, 2)
		.map((w) => w.charAt(0).toUpperCase())
		.join('');
}

export async function signOut(): Promise<void> {
	await request('DELETE', '/session');
	location.assign('/login');
}

export function AccountMenu({ me }: { me: Me | undefined }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const [theme, setTheme] = useState(storedTheme);
	return (
		<MenuTrigger>
			<Button
				className={css.who ?? ''}
				aria-label={me === undefined ? t('nav.account') : `${t('nav.account')}: ${me.name}`}
			>
				{me === undefined ? <Icon name="account" /> : <span aria-hidden="true">{initials(me.name)}</span>}
			</Button>
			<Popover className={css.popover ?? ''} placement="bottom end" offset={6}>
				<Menu className={css.menu ?? ''} aria-label={t('nav.account')}>
					<MenuSection
						selectionMode="single"
						selectedKeys={[theme]}
						onSelectionChange={(keys) => {
							const [key] = keys === 'all' ? [] : [...keys];
							const chosen = themes.find((name) => name === key);
							if (chosen === undefined) return;
							applyTheme(chosen);
							setTheme(chosen);
						}}
					>
						<Header className={css.header ?? ''}>{t('nav.theme')}</Header>
						{themes.map((name) => (
							<MenuItem key={name} id={name} className={css.item ?? ''} textValue={t(themeLabel[name])}>
								<Icon name={themeIcon[name]} size={16} />
								<span>{t(themeLabel[name])}</span>
								{theme === name && <Icon name="check" size={14} />}
							</MenuItem>
						))}
					</MenuSection>
					<Separator className={css.line ?? ''} />
					<MenuItem className={css.item ?? ''} onAction={() => void navigate({ to: '/account' })}>
						<Icon name="account" size={16} />
						<span>{t('nav.account')}</span>
					</MenuItem>
					<MenuItem className={css.item ?? ''} onAction={() => void signOut()}>
						<Icon name="out" size={16} />
						<span>{t('nav.signOut')}</span>
					</MenuItem>
				</Menu>
			</Popover>
		</MenuTrigger>
	);
}
