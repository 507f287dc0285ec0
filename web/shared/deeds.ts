/** What the audit log names: each is a text of the column `action`, and has words in every language (i18n/en/audit.ts). */
export type Deed =
	| 'session.begin'
	| 'session.end'
	| 'session.refused'
	| `link.${'setup' | 'password' | 'display' | 'demo'}`
	| `user.${'create' | 'update' | 'delete'}`
	| `user.link.${'password' | 'display' | 'demo'}`
	| `group.${'create' | 'update' | 'delete'}`
	| `device.${'create' | 'update' | 'delete' | 'bulk' | 'import' | 'trace'}`
	| 'command.send'
	| 'command.cancel'
	| `template.${'create' | 'update' | 'delete'}`
	| 'token.create'
	| 'token.revoke'
	| `quarantine.${'decode' | 'drop'}`
	| 'export'
	| 'me.password'
	| 'me.session.end'
	| 'admin.create'
	| 'admin.password';

type Underscored<Text extends string> = Text extends `${infer Head}.${infer Rest}`
	? `${Head}_${Underscored<Rest>}`
	: Text;
/** As a key of texts: "session_refused". */
export type DeedKey = Underscored<Deed>;
