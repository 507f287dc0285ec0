/** All routes of the API. One file a resource. */
import type { Route } from '../http/route.ts';
import { auditRoutes } from './audit.ts';
import { commandRoutes } from './commands.ts';
import { templateRoutes } from './command_templates.ts';
import { deviceRoutes } from './devices.ts';
import { deviceDetailRoutes } from './device_details.ts';
import { dictionaryRoutes } from './dictionary.ts';
import { fleetRoutes } from './fleet.ts';
import { gatewayRoutes } from './gateways.ts';
import { groupRoutes } from './groups.ts';
import { liveRoutes } from './live.ts';
import { meRoutes } from './me.ts';
import { refusedRoutes } from './rejected.ts';
import { sessionRoutes } from './session.ts';
import { settingsRoutes } from './settings.ts';
import { userRoutes } from './users.ts';

export const routes: readonly Route[] = [
	...sessionRoutes,
	...meRoutes,
	...deviceRoutes,
	...deviceDetailRoutes,
	...commandRoutes,
	...templateRoutes,
	...groupRoutes,
	...userRoutes,
	...fleetRoutes,
	...liveRoutes,
	...dictionaryRoutes,
	...gatewayRoutes,
	...refusedRoutes,
	...auditRoutes,
	...settingsRoutes,
];
