/** All routes of the API. One file a resource. */
import type { Route } from '../http/route.ts';
import { auditRoutes } from './audit.ts';
import { commandRoutes } from './commands.ts';
import { templateRoutes } from './command_templates.ts';
import { deviceRoutes } from './devices.ts';
import { bulkRoutes } from './device_bulk.ts';
import { importRoutes } from './device_import.ts';
import { deviceDetailRoutes } from './device_details.ts';
import { dictionaryRoutes } from './dictionary.ts';
import { exportRoutes } from './exports.ts';
import { eventRoutes } from './events.ts';
import { fleetRoutes } from './fleet.ts';
import { silentRoutes } from './fleet_silent.ts';
import { gatewayRoutes } from './gateways.ts';
import { groupRoutes } from './groups.ts';
import { liveRoutes } from './live.ts';
import { meRoutes } from './me.ts';
import { positionRoutes } from './positions.ts';
import { quarantineRoutes } from './quarantine.ts';
import { refusedRoutes } from './rejected.ts';
import { seriesRoutes } from './series.ts';
import { sessionRoutes } from './session.ts';
import { settingsRoutes } from './settings.ts';
import { trackRoutes } from './track.ts';
import { tripRoutes } from './trips.ts';
import { tokenRoutes } from './tokens.ts';
import { userRoutes } from './users.ts';

export const routes: readonly Route[] = [
	...sessionRoutes,
	...meRoutes,
	...deviceRoutes,
	...importRoutes,
	...bulkRoutes,
	...deviceDetailRoutes,
	...trackRoutes,
	...tripRoutes,
	...seriesRoutes,
	...positionRoutes,
	...exportRoutes,
	...commandRoutes,
	...templateRoutes,
	...groupRoutes,
	...userRoutes,
	...tokenRoutes,
	...fleetRoutes,
	...silentRoutes,
	...eventRoutes,
	...liveRoutes,
	...dictionaryRoutes,
	...gatewayRoutes,
	...refusedRoutes,
	...quarantineRoutes,
	...auditRoutes,
	...settingsRoutes,
];
