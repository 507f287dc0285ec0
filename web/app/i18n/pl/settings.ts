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
		idle_one: 'Sesja kończy się po {{count}} godzinie bez aktywności.',
		idle_few: 'Sesja kończy się po {{count}} godzinach bez aktywności.',
		idle_many: 'Sesja kończy się po {{count}} godzinach bez aktywności.',
		idle_other: 'Sesja kończy się po {{count}} godziny bez aktywności.',
		longest_one: 'W każdym razie kończy się po {{count}} dniu.',
		longest_few: 'W każdym razie kończy się po {{count}} dniach.',
		longest_many: 'W każdym razie kończy się po {{count}} dniach.',
		longest_other: 'W każdym razie kończy się po {{count}} dnia.',
		tries:
			'W ciągu {{minutes}} min: najwyżej {{pair}} prób dla loginu z jednego adresu, {{address}} z jednego adresu, {{name}} dla loginu.',
		requests: 'Najwyżej {{requests}} żądań na minutę dla każdego użytkownika.',
		kept: 'Co jest przechowywane',
		keptFrom: 'Historia może sięgać do: {{day}}.',
		keptNothing: 'Jeszcze nie ma historii.',
		keptWhere: 'Jak długo jest przechowywana, określa gateway.conf każdej bramy:',
		keys: 'Konfiguracja',
		keysHelp:
			'Procesu, który odpowiedział: web.conf oraz środowisko, które ma pierwszeństwo. Po zmianie uruchom go ponownie; nowy certyfikat wymaga tylko przeładowania.',
		key: 'Klucz',
		value: 'Wartość',
		origin: 'Ustawione przez Ciebie',
		set: 'ustawione',
		secret: 'ustawione, niepokazywane',
		unset: 'nieustawione',
	},
};
