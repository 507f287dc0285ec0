import type { Pl } from '../texts.ts';
import type { install as english } from '../en/install.ts';

export const install: Pl<typeof english> = {
	install: {
		title: 'Sprawdzenie montażu',
		help: 'W pojeździe, z etykietą lokalizatora pod ręką. Lista wypełnia się sama.',
		imeiHint: '15 cyfr, jak na etykiecie lokalizatora',
		checkDigit: 'Ostatnia cyfra nie pasuje do pozostałych: sprawdź jeszcze raz.',
		scan: 'Skanuj etykietę',
		stopScan: 'Zakończ skanowanie',
		camera: 'Obraz z kamery',
		noCamera: 'Nie można użyć kamery. Wpisz numer.',
		noScanner: 'Ta przeglądarka nie czyta kodów: wpisz numer.',
		begin: 'Sprawdź',
		list: 'Co jest zrobione',
		done: '{{done}} z {{all}}',
		ready: 'Wszystko w porządku: lokalizator jest gotowy.',
		register: 'Zarejestruj',
		other: 'Inny lokalizator',
		known: 'W jednej z Twoich grup',
		toggled: 'Wykryto włączenie i wyłączenie',
		tone: {
			good: 'zrobione',
			open: 'do zrobienia',
			waits: 'czeka',
		},
		step: {
			registered: 'Zarejestrowany',
			connected: 'Połączony',
			records: 'Wysyła rekordy',
			fix: 'Ma pozycję GPS',
			ignition: 'Zapłon włącza się i wyłącza',
		},
		against: {
			refused: 'Zgłosił się i został odrzucony: nikt go nie zarejestrował.',
			unknown: 'Nikt go nie zarejestrował albo jest w grupie, która nie jest Twoja.',
			disabled: 'Urządzenie jest dezaktywowane: brama je odrzuca.',
			offline: 'Był połączony, a teraz nie jest. Czy ma zasilanie? Odczekaj minutę lub otwórz diagnozę.',
			neverConnected:
				'Nigdy się nie połączył. Sprawdź zasilanie, SIM i APN oraz adres i port serwera w jego konfiguracji.',
			noRecords: 'Nie wysłał jeszcze rekordu. Włącz zapłon lub wyślij mu „getrecord”.',
			oldRecords: 'Ostatni rekord jest starszy niż 15 minut. Włącz zapłon lub przejedź kilka metrów.',
			noFix: 'Nigdy nie miał pozycji. Wyjedź pod otwarte niebo i odczekaj kilka minut; sprawdź, gdzie jest antena.',
			oldFix: 'Ostatnia pozycja jest starsza niż 15 minut. Wyjedź pod otwarte niebo i odczekaj kilka minut.',
			noIgnition: 'Nie zgłasza zapłonu. Sprawdź przewód na jego wejściu lub źródło zapłonu w konfiguracji.',
			turnOn: 'Włącz teraz zapłon.',
			turnOff: 'Wyłącz teraz zapłon.',
			waits: 'Nastąpi po tym, co powyżej.',
		},
	},
};
