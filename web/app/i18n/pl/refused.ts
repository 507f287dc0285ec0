import type { Pl } from '../texts.ts';
import type { refused as english } from '../en/refused.ts';

export const refused: Pl<typeof english> = {
	refused: {
		title: 'Odrzucone lokalizatory',
		help: 'Brama ich nie wpuściła. Dodany lokalizator zostanie przyjęty przy następnej próbie.',
		why: 'Dlaczego',
		unknown: 'Nikt nie zarejestrował tego IMEI',
		disabled: 'Urządzenie jest dezaktywowane',
		tries: 'Próby',
		last: 'Ostatnia próba',
		do: 'Co zrobić',
		add: 'Dodaj',
		addThis: 'Dodaj: {{imei}}',
		addTitle: 'Dodaj {{imei}}',
		addDo: 'Dodaj lokalizator',
		enable: 'Aktywuj',
		enableThis: 'Aktywuj: {{imei}}',
		in: 'Połączony',
		nextTry: 'Połączy się przy następnej próbie',
		show: 'Pokaż',
		name: 'Nazwa',
		modelHint: 'Jak na etykiecie, na przykład FMB920',
		emptyTitle: 'Nie odrzucono żadnego lokalizatora',
		emptyHelp: 'Lokalizator z nieznanym IMEI lub dezaktywowanym urządzeniem pojawi się tu, gdy się zgłosi.',
	},
};
