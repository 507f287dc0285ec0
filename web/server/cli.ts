/** The words of the command line, and what they ask for. Pure. */
import { DEFAULT_FILE } from './version.ts';

export const USAGE = `Usage: omnitrack-web [-c FILE] [-t]
       omnitrack-web [-c FILE] admin create --login LOGIN [--name NAME]
       omnitrack-web [-c FILE] setup [--url ADDRESS]
       omnitrack-web [-c FILE] link --login LOGIN [--url ADDRESS]

The web application of OmniTrack: serves pages, the API and the live feed, from the database of the
gateway. Runs in the foreground; ends on SIGTERM, checks and reloads on SIGHUP, opens its log anew
on SIGUSR1.

  admin create  makes an administrator, or gives one a new password, which is read from standard input
  setup         prints a link that makes the first administrator; it works once, for an hour
  link          prints a link that signs this user in; it works once, for an hour (for demonstrations)

Options:
  -c, --config FILE  configuration (default: ${DEFAULT_FILE}); the environment wins over it
  -t, --test         check the configuration and end
      --login LOGIN  name or e-mail address to sign in with
      --name NAME    name to show (default: the login)
      --url ADDRESS  address that users open (default: from WEB_BIND and WEB_PORT)
  -h, --help         this text
      --version      the version

Exit status: 0 done, 1 failed, 2 wrong arguments or configuration.
`;

export type Command =
	| { what: 'help' | 'version' | 'serve' | 'test'; config: string | undefined }
	| { what: 'admin'; config: string | undefined; login: string; name: string | undefined }
	| { what: 'setup'; config: string | undefined; url: string | undefined }
	| { what: 'link'; config: string | undefined; login: string; url: string | undefined };

export class UsageError extends Error {}

const VALUED = new Map([
	['-c', 'config'],
	['--config', 'config'],
	['--login', 'login'],
	['--name', 'name'],
	['--url', 'url'],
]);

export function parseArguments(args: readonly string[]): Command {
	const given = new Map<string, string>();
	const words: string[] = [];
	let test = false;
	for (let i = 0; i < args.length; i++) {
		const [arg = '', inline] = (args[i] ?? '').split(/=(.*)/s);
		const name = VALUED.get(arg);
		if (name !== undefined) {
			const value = inline ?? args[++i];
			if (value === undefined || value === '') throw new UsageError(`${arg} needs a value`);
			given.set(name, value);
		} else if (arg === '-h' || arg === '--help') return { what: 'help', config: undefined };
		else if (arg === '--version') return { what: 'version', config: undefined };
		else if (arg === '-t' || arg === '--test') test = true;
		else if (arg.startsWith('-')) throw new UsageError(`unknown option ${arg}`);
		else words.push(arg);
	}
	const config = given.get('config');
	const extra = (allowed: string[]) => {
		for (const name of given.keys())
			if (name !== 'config' && !allowed.includes(name)) throw new UsageError(`--${name} does not belong here`);
	};
	switch (words.join(' ')) {
		case '':
			extra([]);
			return { what: test ? 'test' : 'serve', config };
		case 'admin create': {
			extra(['login', 'name']);
			const login = given.get('login');
			if (login === undefined) throw new UsageError('admin create needs --login');
			return { what: 'admin', config, login, name: given.get('name') };
		}
		case 'setup':
			extra(['url']);
			return { what: 'setup', config, url: given.get('url') };
		case 'link': {
			extra(['login', 'url']);
			const login = given.get('login');
			if (login === undefined) throw new UsageError('link needs --login');
			return { what: 'link', config, login, url: given.get('url') };
		}
		default:
			throw new UsageError(`unknown command "${words.join(' ')}"`);
	}
}
