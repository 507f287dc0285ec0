-- What each connection sets for itself. A backend that waits for us for ever holds keys that a retry then waits for
-- (doc/write-path.md, Connections), so the server's side gets time-outs too. A role or database with
-- synchronous_commit = off would make an ACK a lie.
SET client_encoding = 'UTF8';
SET timezone = 'UTC';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '15s';
SET idle_in_transaction_session_timeout = '30s';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
