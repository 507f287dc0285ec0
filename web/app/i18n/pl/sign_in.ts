import type { Pl } from '../texts.ts';
import type { signIn as english } from '../en/sign_in.ts';

export const signIn: Pl<typeof english> = {
	signIn: {
		title: 'Zaloguj się',
		login: 'Login',
		password: 'Hasło',
		do: 'Zaloguj się',
		doing: 'Logowanie…',
		wrong: 'Login lub hasło jest nieprawidłowe.',
		tooManyMinute: 'Za dużo prób. Odczekaj minutę.',
		offline: 'Serwer jest nieosiągalny. Sprawdź połączenie.',
		away: 'Serwer nie ma połączenia z bazą danych. Spróbuj za chwilę.',
		setupNeeded:
			'Jeszcze nikt nie może się zalogować. Uruchom na serwerze „omnitrack-web setup”: wypisze link, który tworzy pierwszego administratora.',
		forgotten: 'Nie pamiętasz? Administrator może dać Ci jednorazowy link.',
		setupTitle: 'Konfiguracja OmniTrack',
		setupHelp: 'Zostaniesz pierwszym administratorem.',
		passwordTitle: 'Ustaw hasło',
		passwordHelp: 'Dla: {{login}}. Link działa raz.',
		name: 'Imię i nazwisko',
		again: 'Hasło jeszcze raz',
		rule: 'Co najmniej 10 znaków.',
		differs: 'Hasła są różne.',
		finish: 'Gotowe',
		badLink: 'Ten link już nie działa',
		badLinkHelp: 'Został użyty, wygasł albo jest niepełny. Poproś o nowy.',
		toSignIn: 'Do logowania',
		checking: 'Sprawdzanie linku…',
	},
};
