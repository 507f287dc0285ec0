/** What the parts of the server share, made once at the start. */
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Children } from './children.ts';
import type { Config } from './config.ts';
import type { Database } from './db.ts';
import type { Directory } from './directory.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { MapOrigins, MapSource } from './map_style.ts';
import type { RequestLimits } from './request_limits.ts';
import type { LoginLimits } from './login_limits.ts';
import type { Tables } from './tables.ts';

export interface App {
	config: Config;
	map: MapSource;
	/** Other hosts that the map is loaded from. */
	mapOrigins: MapOrigins;
	version: string;
	log: Logger;
	metrics: Registry;
	database: Database;
	db: Kysely<Tables>;
	directory: Directory;
	fleet: Fleet;
	limits: LoginLimits;
	requests: RequestLimits;
	children: Children;
}
