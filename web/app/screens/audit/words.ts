/** Actions and objects of the audit log in words; what a later server does shows by its own name. */
import { useTranslation } from 'react-i18next';
import type { en } from '../../i18n/en/index.ts';

type Actions = (typeof en)['audit']['action'];
export type ActionKey = keyof Actions;

/** Filters: each is an action, or with a dot at its end all that begin so. */
export const kinds = {
	'session.': 'sessions',
	'link.': 'links',
	'user.': 'users',
	'group.': 'groups',
	'device.': 'devices',
	'command.': 'commands',
	'template.': 'templates',
	'token.': 'tokens',
	'quarantine.': 'quarantine',
	export: 'exports',
	'me.': 'own',
	'admin.': 'console',
} as const;

/** "session.refused" has the key session_refused; null: it has no words. */
export function keyOf(action: string): string {
	return action.replaceAll('.', '_');
}

export function useActionWords(): (action: string) => string | null {
	const { t, i18n } = useTranslation();
	return (action) => {
		const key = `audit.action.${keyOf(action)}`;
		return i18n.exists(key) ? t(key as `audit.action.${ActionKey}`) : null;
	};
}

/** What was done in short lines: "name: Truck 1". Lists of ids are counted. */
export function detailLines(detail: Record<string, unknown> | null): string[] {
	return Object.entries(detail ?? {})
		.filter(([, value]) => value !== null)
		.map(([key, value]) => `${key}: ${said(value)}`);
}

const FEW = 3;

function said(value: unknown): string {
	if (Array.isArray(value))
		return value.length > FEW
			? `${value.slice(0, FEW).map(said).join(', ')} … (${value.length})`
			: value.map(said).join(', ');
	if (typeof value === 'string') return value;
	if (typeof value !== 'object' || value === null) return JSON.stringify(value);
	// "role viewer, group 2"
	return Object.entries(value)
		.map(([key, of]) => `${key} ${said(of)}`)
		.join(', ');
}
