/** Examples of requests that have a body, for the description of the API. A test checks that each is taken. */
export const examples: Readonly<Record<string, unknown>> = {
	'post /session': { login: 'anna@example.org', password: 'correct horse battery' },
	'post /session/link': { token: 'aG93IG1hbnkgcm9hZHMgbXVzdCBhIHRydWNrIGdv' },
	'post /session/claim': { token: 'aG93IG1hbnkgcm9hZHMgbXVzdCBhIHRydWNrIGdv', password: 'correct horse battery' },
	'patch /me': { name: 'Anna', settings: { theme: 'dark', units: 'metric', timeZone: 'Europe/Vilnius' } },
	'post /me/password': { current: 'correct horse battery', password: 'another long one' },
	'post /tokens': { name: 'nightly report', scopes: ['read'], expiresInDays: 90 },
	'post /devices': { imei: '350000000000006', name: 'Van 12', plate: 'ABC 123', model: 'FMC130', group: '1' },
	'patch /devices/:device': { name: 'Van 12', notes: 'tracker under the dashboard' },
	'post /devices/bulk': {
		devices: ['17', 'imei:350000000000006'],
		change: { group: '4', category: 'van' },
		expect: '9mTPlRWvLbxQ2kVc0sYdHA',
	},
	'post /devices/:device/commands': { text: 'getinfo' },
	'post /commands': { devices: ['17', '18'], template: '3', parameters: { apn: 'internet' }, dryRun: true },
	'post /command-templates': {
		name: 'Set the APN',
		text: 'setparam 2001:{apn}',
		parameters: [{ name: 'apn', label: 'APN' }],
		role: 'installer',
	},
	'put /command-templates/:template': { name: 'Ask for its state', text: 'getinfo' },
	'post /groups': { name: 'Trucks', parent: '1' },
	'patch /groups/:group': { name: 'Lorries' },
	'post /users': { login: 'anna@example.org', name: 'Anna', roles: [{ group: '4', role: 'operator' }] },
	'patch /users/:user': { disabled: true },
	'post /quarantine/decode': { frames: ['1001', '1002'] },
	'post /quarantine/drop': { frames: ['1003'] },
};

/** Of bodies that are no JSON. */
export const textExamples: Readonly<Record<string, string>> = {
	'post /devices/import': 'imei;name;model;group;plate\n350000000000006;Van 12;FMC130;North/Vans;ABC 123\n',
};
