import type { De } from '../texts.ts';
import type { signIn as english } from '../en/sign_in.ts';

export const signIn: De<typeof english> = {
	signIn: {
		title: 'Anmelden',
		login: 'Anmeldename',
		password: 'Passwort',
		do: 'Anmelden',
		doing: 'Meldet an …',
		wrong: 'Name oder Passwort ist falsch.',
		tooManyMinute: 'Zu viele Versuche. Warten Sie eine Minute.',
		offline: 'Der Server ist nicht erreichbar. Prüfen Sie Ihre Verbindung.',
		away: 'Der Server erreicht seine Datenbank nicht. Versuchen Sie es gleich noch einmal.',
		setupNeeded:
			'Noch kann sich niemand anmelden. Rufen Sie auf dem Server „omnitrack-web setup“ auf: Es gibt einen Link aus, der den ersten Administrator anlegt.',
		forgotten: 'Vergessen? Ein Administrator kann Ihnen einen Link geben, der einmal gilt.',
		setupTitle: 'OmniTrack einrichten',
		setupHelp: 'Sie werden der erste Administrator.',
		passwordTitle: 'Passwort setzen',
		passwordHelp: 'Für {{login}}. Der Link gilt einmal.',
		name: 'Ihr Name',
		again: 'Passwort noch einmal',
		rule: 'Mindestens 10 Zeichen.',
		differs: 'Die Passwörter stimmen nicht überein.',
		finish: 'Fertig',
		badLink: 'Dieser Link gilt nicht mehr',
		badLinkHelp: 'Er wurde benutzt, ist abgelaufen oder unvollständig. Lassen Sie sich einen neuen geben.',
		toSignIn: 'Zur Anmeldung',
		checking: 'Der Link wird geprüft …',
	},
};
