/** The tables that the web application reads and writes, as kysely sees them. Migrations make them. */
import type { ColumnType, Generated, JSONColumnType } from 'kysely';

/** int8: digits, so that nothing is rounded. */
type Big = ColumnType<string, string, string>;
type GeneratedBig = Generated<string>;
type At = ColumnType<Date, Date | string, Date | string>;
type MaybeAt = At | null;

export interface Tables {
	devices: {
		id: GeneratedBig;
		imei: string;
		name: string | null;
		device_model: string | null;
		enabled: Generated<boolean>;
		last_ping: MaybeAt;
		created_at: Generated<Date>;
	};
	device_commands: {
		id: GeneratedBig;
		imei: string;
		idempotency_key: string | null;
		command_text: string;
		codec: Generated<number>;
		status: Generated<'pending' | 'sent' | 'acked' | 'failed' | 'expired' | 'cancelled'>;
		attempt_count: Generated<number>;
		max_attempts: number | null;
		next_retry_at: MaybeAt;
		expires_at: MaybeAt;
		created_at: Generated<Date>;
		created_by: string | null;
		updated_at: Generated<Date>;
		sent_at: MaybeAt;
		responded_at: MaybeAt;
		codec12_response_hex: string | null;
		response_text: string | null;
		error_message: string | null;
	};
	rejected_devices: {
		imei: string;
		reason: string;
		first_seen_at: At;
		last_seen_at: At;
		attempts: Big;
		last_remote_addr: string | null;
	};
	gateways: {
		id: string;
		instance: string | null;
		started_at: MaybeAt;
		seen_at: At;
	};
	'omnitrack.users': {
		id: GeneratedBig;
		login: string;
		name: Generated<string>;
		password: string | null;
		password_changed_at: MaybeAt;
		disabled: Generated<boolean>;
		locale: string | null;
		settings: JSONColumnType<Record<string, unknown>, string | undefined>;
		created_at: Generated<Date>;
		updated_at: Generated<Date>;
		last_login_at: MaybeAt;
	};
	'omnitrack.groups': {
		id: GeneratedBig;
		parent_id: string | null;
		name: string;
		created_at: Generated<Date>;
		updated_at: Generated<Date>;
	};
	'omnitrack.roles': {
		user_id: string;
		group_id: string;
		role: 'viewer' | 'operator' | 'installer' | 'admin';
		reads_commands: Generated<boolean>;
	};
	'omnitrack.device_groups': { device_id: string; group_id: string };
	'omnitrack.device_details': {
		device_id: string;
		plate: string | null;
		phone: string | null;
		category: string | null;
		notes: string | null;
		updated_at: Generated<Date>;
	};
	'omnitrack.web_sessions': {
		sid: string;
		sess: JSONColumnType<Record<string, unknown>>;
		expire: At;
		id: GeneratedBig;
		user_id: string | null;
		kind: Generated<string>;
		created_at: Generated<Date>;
		seen_at: Generated<Date>;
	};
	'omnitrack.links': {
		token_hash: Buffer;
		kind: 'setup' | 'password' | 'display' | 'demo';
		user_id: string | null;
		created_by: string | null;
		created_at: Generated<Date>;
		expires_at: At;
		used_at: MaybeAt;
	};
	'omnitrack.api_tokens': {
		id: GeneratedBig;
		user_id: string;
		name: string;
		token_hash: Buffer;
		scopes: string[];
		created_at: Generated<Date>;
		expires_at: At;
		last_used_at: MaybeAt;
	};
	'omnitrack.audit': {
		id: GeneratedBig;
		at: Generated<Date>;
		user_id: string | null;
		user_name: string | null;
		address: string | null;
		action: string;
		object_kind: string | null;
		object_id: string | null;
		request_id: string | null;
		details: JSONColumnType<Record<string, unknown>, string | null> | null;
	};
	'omnitrack.command_templates': {
		id: GeneratedBig;
		name: string;
		description: Generated<string>;
		command_text: string;
		parameters: JSONColumnType<unknown[], string | undefined>;
		codec: Generated<number>;
		dangerous: Generated<boolean>;
		min_role: Generated<'operator' | 'installer' | 'admin'>;
		created_at: Generated<Date>;
		updated_at: Generated<Date>;
	};
	'omnitrack.idempotency_keys': {
		key: string;
		request_hash: Buffer;
		status: number | null;
		response: JSONColumnType<Record<string, unknown>, string | null, string | null> | null;
		created_at: Generated<Date>;
	};
}
