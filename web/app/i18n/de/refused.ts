import type { De } from '../texts.ts';
import type { refused as english } from '../en/refused.ts';

export const refused: De<typeof english> = {
	refused: {
		title: 'Abgewiesene Tracker',
		help: 'Das Gateway hat sie abgewiesen. Ein hinzugefügter Tracker wird beim nächsten Versuch angenommen.',
		why: 'Warum',
		unknown: 'Niemand hat die IMEI registriert',
		disabled: 'Das Gerät ist gesperrt',
		tries: 'Versuche',
		last: 'Letzter Versuch',
		do: 'Was zu tun ist',
		add: 'Hinzufügen',
		addThis: 'Hinzufügen: {{imei}}',
		addTitle: '{{imei}} hinzufügen',
		addDo: 'Tracker hinzufügen',
		enable: 'Freigeben',
		enableThis: 'Freigeben: {{imei}}',
		in: 'Verbunden',
		nextTry: 'Verbindet sich beim nächsten Versuch',
		show: 'Zeigen',
		name: 'Name',
		modelHint: 'Wie auf dem Etikett, zum Beispiel FMB920',
		emptyTitle: 'Kein Tracker wurde abgewiesen',
		emptyHelp: 'Ein Tracker mit unbekannter IMEI oder gesperrtem Gerät steht hier, sobald er sich meldet.',
	},
};
