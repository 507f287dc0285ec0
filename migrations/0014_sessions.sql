-- Sessions in time: who was connected when, from where, and why it ended. The gateway writes a row when a session ends; of
-- one that a dead worker or a dead gateway left, whoever finds it does, and doesn't know how many records it brought.

CREATE TABLE device_sessions (
	device_id bigint NOT NULL,
	session_id bigint NOT NULL,
	started_at timestamptz,
	ended_at timestamptz NOT NULL,
	records bigint,
	gateway text,
	remote_addr inet,
	reason text,
	PRIMARY KEY (device_id, session_id)
);
CREATE INDEX device_sessions_time_idx ON device_sessions (device_id, started_at DESC);
CREATE INDEX device_sessions_ended_idx ON device_sessions (ended_at);
COMMENT ON TABLE device_sessions IS 'Sessions that have ended; kept for TELEM_SESSION_RETENTION_DAYS';
COMMENT ON COLUMN device_sessions.session_id IS 'As in device_online; larger is later';
COMMENT ON COLUMN device_sessions.records IS 'Records that were acknowledged in it; NULL: not known';
COMMENT ON COLUMN device_sessions.reason IS 'As in device_online.disconnect_reason';
