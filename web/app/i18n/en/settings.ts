/** What is set, and where it is changed. */
export const settings = {
	settings: {
		title: 'Settings',
		help: 'What holds here. It is changed in the configuration on the server, not in these pages.',
		map: 'Map',
		mapShipped: 'The base map that comes along; it needs no internet.',
		mapStreets: 'A street map:',
		where: 'In web.conf:',
		signIn: 'Signing in',
		idle_one: 'A session ends after {{count}} hour without use.',
		idle_other: 'A session ends after {{count}} hours without use.',
		longest_one: 'It ends after {{count}} day in any case.',
		longest_other: 'It ends after {{count}} days in any case.',
		tries:
			'In {{minutes}} minutes: {{pair}} tries of one name from one address, {{address}} from one address, {{name}} of one name.',
		requests: '{{requests}} requests a minute of one user.',
		kept: 'What is kept',
		keptFrom: 'The history may go back to {{day}}.',
		keptNothing: 'There is no history yet.',
		keptWhere: 'How long it is kept stands in gateway.conf of each gateway:',
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
