import type { Pl } from '../texts.ts';
import type { refused as english } from '../en/refused.ts';

export const refused: Pl<typeof english> = {
	refused: {
		title: 'Odrzucone lokalizatory',
		help: 'Brama ich nie wpuściła. Dodany lokalizator wejdzie przy następnej próbie.',
		why: 'Dlaczego',
		unknown: 'Nikt nie zarejestrował tego IMEI',
		disabled: 'Urządzenie jest wyłączone',
		tries: 'Próby',
		last: 'Ostatnia próba',
		do: 'Co zrobić',
		add: 'Dodaj',
		addThis: 'Dodaj: {{imei}}',
		addTitle: 'Dodaj {{imei}}',
		addDo: 'Dodaj lokalizator',
		enable: 'Włącz',
		enableThis: 'Włącz: {{imei}}',
		in: 'Połączony',
		nextTry: 'Wejdzie przy następnej próbie',
		show: 'Pokaż',
		name: 'Nazwa',
		modelHint: 'Jak na etykiecie, na przykład FMB920',
		emptyTitle: 'Nikogo nie odrzucono',
		emptyHelp: 'Lokalizator z nieznanym IMEI lub wyłączonym urządzeniem pojawi się tu, gdy się zgłosi.',
	},
};
