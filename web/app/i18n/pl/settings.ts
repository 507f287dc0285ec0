import type { Pl } from '../texts.ts';
import type { settings as english } from '../en/settings.ts';

export const settings: Pl<typeof english> = {
	settings: {
		title: 'Ustawienia',
		help: 'Co tu obowiązuje. Zmienia się to w konfiguracji na serwerze, nie na tych stronach.',
		map: 'Mapa',
		mapShipped: 'Mapa dostarczona z programem; nie potrzebuje internetu.',
		mapStreets: 'Mapa ulic:',
		where: 'W web.conf:',
		signIn: 'Logowanie',
		idle_one: 'Sesja kończy się po {{count}} godzinie bez użycia.',
		idle_few: 'Sesja kończy się po {{count}} godzinach bez użycia.',
		idle_many: 'Sesja kończy się po {{count}} godzinach bez użycia.',
		idle_other: 'Sesja kończy się po {{count}} godziny bez użycia.',
		longest_one: 'W każdym razie kończy się po {{count}} dniu.',
		longest_few: 'W każdym razie kończy się po {{count}} dniach.',
		longest_many: 'W każdym razie kończy się po {{count}} dniach.',
		longest_other: 'W każdym razie kończy się po {{count}} dnia.',
		tries:
			'W ciągu {{minutes}} min: {{pair}} prób jednej nazwy z jednego adresu, {{address}} z jednego adresu, {{name}} jednej nazwy.',
		requests: '{{requests}} żądań na minutę jednego użytkownika.',
		kept: 'Co jest przechowywane',
		keptFrom: 'Historia może sięgać do: {{day}}.',
		keptNothing: 'Jeszcze nie ma historii.',
		keptWhere: 'Jak długo jest przechowywana, stoi w gateway.conf każdej bramy:',
		keys: 'Konfiguracja',
		keysHelp:
			'Procesu, który odpowiedział: web.conf oraz środowisko, które ma pierwszeństwo. Po zmianie uruchom go ponownie; nowy certyfikat wymaga tylko reload.',
		key: 'Klucz',
		value: 'Wartość',
		origin: 'Ustawione przez Ciebie',
		set: 'ustawione',
		secret: 'ustawione, niepokazywane',
		unset: 'nie ustawione',
	},
};
