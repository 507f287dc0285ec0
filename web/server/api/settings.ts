/** settings: what the installation has set that pages must know. */
import { sql } from 'kysely';
import { z } from 'zod';
import { mapKinds } from '../../shared/map_setting.ts';
import { configurationOf } from '../config.ts';
import type { App } from '../context.ts';
import { LOGIN_LIMITS } from '../login_limits.ts';
import { route } from '../http/route.ts';

const Installation = z.object({
	version: z.string(),
	map: z
		.object({
			kind: z.enum(mapKinds),
			url: z.string().nullable(),
			attribution: z.string().nullable(),
		})
		.meta({ description: 'shipped: the base map that comes along; {theme} in the address: light or dark' }),
	/** Is there a gateway on this host whose live trace can be had? */
	trace: z.boolean(),
	/** The first day of which there may be history; null: there is none. */
	historyFrom: z.string().nullable(),
	/** Characters of a command, at most. */
	commandMaxLength: z.int(),
});

const Configuration = z.object({
	items: z.array(
		z.object({
			key: z.string().meta({ description: 'as in web.conf' }),
			value: z.string().nullable().meta({ description: 'what holds; null: nothing, or it is secret' }),
			set: z.boolean().meta({ description: 'it is another than without the key' }),
			secret: z.boolean().meta({ description: 'its value is never shown' }),
		}),
	),
	next: z.null(),
	signIn: z
		.object({
			windowS: z.int(),
			perAddress: z.int(),
			perName: z.int(),
			perNameAndAddress: z.int(),
			perSecond: z.int(),
		})
		.meta({ description: 'most tries within the window, and of all strangers within a second' }),
	historyFrom: z.string().nullable(),
});

/** The history has a partition a day. */
async function kept(app: App): Promise<{ historyFrom: string | null; commandMaxLength: number }> {
	const found = await sql<{ first: string | null; most: number | null }>`
		SELECT to_char(min(to_date(right(c.relname, 8), 'YYYYMMDD')), 'YYYY-MM-DD') AS first,
			(SELECT value::integer FROM telematics_settings WHERE name = 'command_max_length') AS most
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'device_positions'::regclass AND c.relname ~ '^device_positions_[0-9]{8}$'`.execute(app.db);
	const row = found.rows[0];
	return { historyFrom: row?.first ?? null, commandMaxLength: row?.most ?? 160 };
}

export const settingsRoutes = [
	route({
		method: 'get',
		path: '/settings',
		action: 'self',
		tag: 'settings',
		summary: 'What this installation has set',
		answer: Installation,
		handler: async ({ app }) => ({
			version: app.version,
			map: app.map.setting,
			trace: true,
			...(await kept(app)),
		}),
	}),
	route({
		method: 'get',
		path: '/settings/configuration',
		action: 'configuration.read',
		tag: 'settings',
		summary: 'What stands in the configuration of this process, without secrets',
		answer: Configuration,
		handler: async ({ app }) => ({
			items: configurationOf(app.config),
			next: null,
			signIn: LOGIN_LIMITS,
			historyFrom: (await kept(app)).historyFrom,
		}),
	}),
];
