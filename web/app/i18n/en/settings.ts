/** What is set, and where it is changed. */
export const settings = {
	settings: {
		title: 'Settings',
		help: 'What applies here. It is changed in the configuration on the server, not in these pages.',
		map: 'Map',
		mapShipped: 'The base map that comes with OmniTrack; it needs no internet.',
		mapStreets: 'A street map:',
		where: 'In web.conf:',
		signIn: 'Signing in',
		idle_one: 'A session ends after {{count}} hour without use.',
		idle_other: 'A session ends after {{count}} hours without use.',
		longest_one: 'It ends after {{count}} day in any case.',
		longest_other: 'It ends after {{count}} days in any case.',
		tries:
			'In {{minutes}} minutes: at most {{pair}} tries for a name from an address, {{address}} from an address, {{name}} for a name.',
		requests: 'At most {{requests}} requests a minute for each user.',
		kept: 'What is kept',
		keptFrom: 'The history may go back to {{day}}.',
		keptNothing: 'There is no history yet.',
		keptWhere: 'How long it is kept is set in gateway.conf of each gateway:',
		keys: 'The configuration',
		keysHelp:
			'Of the process that answered: web.conf, and the environment, which wins. After a change, start it again; a new certificate takes a reload.',
		key: 'Key',
		value: 'Value',
		origin: 'Set by you',
		set: 'set',
		secret: 'set, not shown',
		unset: 'not set',
	},
};
