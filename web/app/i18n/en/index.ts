/**
 * English, which says what every other language says, too (texts.ts). A file for each part of the house; `one` and `other`
 * are plural forms. A text added here is added in each language: the compiler asks for it.
 */
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

export const en = {
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
