/** Polish: `one`, `few`, `many`; `other` is for fractions. */
import type { en } from '../en/index.ts';
import type { Pl } from '../texts.ts';
import { account } from './account.ts';
import { audit } from './audit.ts';
import { commands } from './commands.ts';
import { common } from './common.ts';
import { device } from './device.ts';
import { events } from './events.ts';
import { fleet } from './fleet.ts';
import { gateways } from './gateways.ts';
import { health } from './health.ts';
import { history } from './history.ts';
import { install } from './install.ts';
import { inventory } from './inventory.ts';
import { people } from './people.ts';
import { quarantine } from './quarantine.ts';
import { refused } from './refused.ts';
import { settings } from './settings.ts';
import { signIn } from './sign_in.ts';
import { templates } from './templates.ts';
import { why } from './why.ts';

export const pl: Pl<typeof en> = {
	...common,
	...fleet,
	...device,
	...history,
	...why,
	...commands,
	...templates,
	...refused,
	...health,
	...quarantine,
	...gateways,
	...events,
	...inventory,
	...people,
	...account,
	...audit,
	...settings,
	...install,
	...signIn,
};
