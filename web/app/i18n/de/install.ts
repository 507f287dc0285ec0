import type { De } from '../texts.ts';
import type { install as english } from '../en/install.ts';

export const install: De<typeof english> = {
	install: {
		title: 'Einbauprüfung',
		help: 'Im Fahrzeug, mit dem Etikett des Trackers zur Hand. Die Liste füllt sich von selbst.',
		imeiHint: '15 Ziffern, wie auf dem Etikett des Trackers',
		checkDigit: 'Die letzte Ziffer passt nicht zu den anderen: Sehen Sie noch einmal nach.',
		scan: 'Etikett scannen',
		stopScan: 'Nicht mehr scannen',
		camera: 'Was die Kamera sieht',
		noCamera: 'Die Kamera kann nicht benutzt werden. Tippen Sie die Nummer ein.',
		noScanner: 'Dieser Browser liest keine Codes: Tippen Sie die Nummer ein.',
		begin: 'Prüfen',
		list: 'Was erledigt ist',
		done: '{{done}} von {{all}}',
		ready: 'Alles in Ordnung: Dieser Tracker ist bereit.',
		register: 'Registrieren',
		other: 'Ein anderer Tracker',
		known: 'In einer Ihrer Gruppen',
		toggled: 'Ein- und Ausschalten erkannt',
		tone: {
			good: 'erledigt',
			open: 'offen',
			waits: 'wartet',
		},
		step: {
			registered: 'Registriert',
			connected: 'Verbunden',
			records: 'Sendet Datensätze',
			fix: 'Hat einen Fix',
			ignition: 'Zündung geht an und aus',
		},
		against: {
			refused: 'Er hat sich gemeldet und wurde abgewiesen: Niemand hat ihn registriert.',
			unknown: 'Niemand hat ihn registriert, oder er ist in einer Gruppe, die Ihnen nicht offensteht.',
			disabled: 'Das Gerät ist gesperrt: Es wird abgewiesen.',
			offline:
				'Er war verbunden und ist es nicht mehr. Hat er Strom? Warten Sie eine Minute, oder öffnen Sie die Diagnose.',
			neverConnected:
				'Er war nie verbunden. Prüfen Sie Strom, SIM und APN sowie Adresse und Port des Servers in seiner Konfiguration.',
			noRecords:
				'Er hat noch keinen Datensatz gesendet. Schalten Sie die Zündung ein, oder senden Sie ihm „getrecord“.',
			oldRecords:
				'Sein letzter Datensatz ist älter als 15 Minuten. Schalten Sie die Zündung ein, oder fahren Sie ein paar Meter.',
			noFix:
				'Er hatte nie einen Fix. Fahren Sie unter freien Himmel und warten Sie einige Minuten; prüfen Sie, wo die Antenne sitzt.',
			oldFix:
				'Sein letzter Fix ist älter als 15 Minuten. Fahren Sie unter freien Himmel und warten Sie einige Minuten.',
			noIgnition:
				'Er meldet die Zündung nicht. Prüfen Sie das Kabel an seinem Eingang oder die Quelle der Zündung in seiner Konfiguration.',
			turnOn: 'Schalten Sie jetzt die Zündung ein.',
			turnOff: 'Schalten Sie jetzt die Zündung aus.',
			waits: 'Kommt nach dem, was darüber steht.',
		},
	},
};
