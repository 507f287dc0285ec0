import type { De } from '../texts.ts';
import type { settings as english } from '../en/settings.ts';

export const settings: De<typeof english> = {
	settings: {
		title: 'Einstellungen',
		help: 'Was hier gilt. Geändert wird es in der Konfiguration auf dem Server, nicht auf diesen Seiten.',
		map: 'Karte',
		mapShipped: 'Die mitgelieferte Karte; sie braucht kein Internet.',
		mapStreets: 'Eine Straßenkarte:',
		where: 'In web.conf:',
		signIn: 'Anmeldung',
		idle_one: 'Eine Sitzung endet nach {{count}} Stunde ohne Nutzung.',
		idle_other: 'Eine Sitzung endet nach {{count}} Stunden ohne Nutzung.',
		longest_one: 'Auf jeden Fall endet sie nach {{count}} Tag.',
		longest_other: 'Auf jeden Fall endet sie nach {{count}} Tagen.',
		tries:
			'In {{minutes}} Minuten: höchstens {{pair}} Versuche je Name und Adresse, {{address}} je Adresse, {{name}} je Name.',
		requests: 'Höchstens {{requests}} Anfragen je Minute und Benutzer.',
		kept: 'Was aufbewahrt wird',
		keptFrom: 'Der Verlauf kann bis {{day}} zurückreichen.',
		keptNothing: 'Es gibt noch keinen Verlauf.',
		days_one: '{{count, number}} Tag',
		days_other: '{{count, number}} Tage',
		forEver: 'unbegrenzt',
		keeps: {
			positions: 'Positionen',
			raw: 'Dekodierte Telegramme der Quarantäne',
			commands: 'Abgeschlossene Befehle',
			messages: 'Nachrichten der Tracker',
			sessions: 'Beendete Sitzungen',
		},
		keptDiffer: 'Die Gateways sind verschieden eingestellt: Die kürzeste Zeit gilt.',
		keptWhere: 'Wie lange er aufbewahrt wird, steht in gateway.conf jedes Gateways:',
		keys: 'Die Konfiguration',
		keysHelp:
			'Des Prozesses, der geantwortet hat: web.conf und die Umgebung, die vorgeht. Nach einer Änderung neu starten; für ein neues Zertifikat genügt ein Neuladen.',
		key: 'Schlüssel',
		value: 'Wert',
		origin: 'Von Ihnen gesetzt',
		set: 'gesetzt',
		secret: 'gesetzt, nicht gezeigt',
		unset: 'nicht gesetzt',
	},
};
