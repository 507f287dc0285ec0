/** What is done from the command line, before anybody can sign in: an administrator, or a link that makes one. */
import { voidLinks } from './api/session.ts';
import type { Database } from './db.ts';
import { writeAudit } from './audit.ts';
import { hasNoAdmin } from './directory.ts';
import { hashPassword, newToken } from './passwords.ts';
import { Login, Name, Password } from '../shared/schemas.ts';

export class Refusal extends Error {}

/** The password is the first line of standard input. */
export async function readPassword(input: NodeJS.ReadStream): Promise<string> {
	let text = '';
	if (input.isTTY) process.stderr.write('Password (it is shown while you type; or give it by a pipe): ');
	input.setEncoding('utf8');
	for await (const chunk of input) {
		text += String(chunk);
		if (text.includes('\n') || text.length > 1000) break;
	}
	return text.split('\n')[0]?.replace(/\r$/, '') ?? '';
}

export async function createAdmin(
	database: Database,
	login: string,
	name: string | undefined,
	password: string,
): Promise<string> {
	const parsedLogin = Login.safeParse(login);
	if (!parsedLogin.success) throw new Refusal(`--login: ${parsedLogin.error.issues[0]?.message ?? 'wrong'}`);
	const parsedName = Name.safeParse(name ?? login);
	if (!parsedName.success) throw new Refusal(`--name: ${parsedName.error.issues[0]?.message ?? 'wrong'}`);
	const parsedPassword = Password.safeParse(password);
	if (!parsedPassword.success) throw new Refusal(`the password: ${parsedPassword.error.issues[0]?.message ?? 'wrong'}`);
	const hash = await hashPassword(parsedPassword.data);
	return database.db.transaction().execute(async (trx) => {
		const there = await trx
			.selectFrom('omnitrack.users')
			.select('id')
			.where((eb) => eb(eb.fn<string>('lower', ['login']), '=', parsedLogin.data))
			.executeTakeFirst();
		const values = { password: hash, password_changed_at: new Date(), disabled: false };
		const user = there
			? await trx
					.updateTable('omnitrack.users')
					.set(values)
					.where('id', '=', there.id)
					.returning('id')
					.executeTakeFirstOrThrow()
			: await trx
					.insertInto('omnitrack.users')
					.values({ login: parsedLogin.data, name: parsedName.data, ...values })
					.returning('id')
					.executeTakeFirstOrThrow();
		await trx
			.insertInto('omnitrack.roles')
			.values({ user_id: user.id, group_id: '1', role: 'admin', reads_commands: true })
			.onConflict((c) => c.columns(['user_id', 'group_id']).doUpdateSet({ role: 'admin', reads_commands: true }))
			.execute();
		await trx.deleteFrom('omnitrack.web_sessions').where('user_id', '=', user.id).execute();
		await voidLinks(trx, user.id);
		await writeAudit(trx, {
			action: there ? 'admin.password' : 'admin.create',
			user: null,
			address: null,
			requestId: null,
			object: { kind: 'user', id: user.id },
			details: { login: parsedLogin.data, by: 'omnitrack-web admin create' },
		});
		return there
			? `${parsedLogin.data} is an administrator with a new password`
			: `${parsedLogin.data} is now an administrator`;
	});
}

/** In the fragment of an address, which no server and no log gets to see. */
function address(url: string, token: string): string {
	return `${url.replace(/\/$/, '')}/setup#${token}`;
}

/** Signs a user in, once. */
export async function signInLink(database: Database, login: string, url: string): Promise<string> {
	const user = await database.db
		.selectFrom('omnitrack.users')
		.select('id')
		.where((eb) => eb(eb.fn<string>('lower', ['login']), '=', login.toLowerCase()))
		.where('disabled', '=', false)
		.executeTakeFirst();
	if (!user) throw new Refusal(`there is no user ${login}, or the user is disabled`);
	const { token, hash } = newToken();
	await database.db
		.insertInto('omnitrack.links')
		.values({
			token_hash: hash,
			kind: 'demo',
			user_id: user.id,
			created_by: null,
			expires_at: new Date(Date.now() + 3_600_000),
		})
		.execute();
	const object = { kind: 'user', id: user.id };
	await writeAudit(database.db, { action: 'user.link.demo', user: null, address: null, requestId: null, object });
	return address(url, token);
}

export async function setupLink(database: Database, url: string): Promise<string> {
	if (!(await hasNoAdmin(database.db)))
		throw new Refusal(
			'there is an administrator already, who makes further users; "admin create" gives one a new password',
		);
	const { token, hash } = newToken();
	await database.db
		.insertInto('omnitrack.links')
		.values({
			token_hash: hash,
			kind: 'setup',
			user_id: null,
			created_by: null,
			expires_at: new Date(Date.now() + 3_600_000),
		})
		.execute();
	return address(url, token);
}
