-- Why is it silent: why connections ended, how long each device's pauses usually are, and connections that never said
-- an IMEI.

ALTER TABLE device_online ADD COLUMN IF NOT EXISTS disconnect_reason text;
ALTER TABLE device_online ADD COLUMN IF NOT EXISTS disconnects_in_row integer;
ALTER TABLE device_online ADD COLUMN IF NOT EXISTS disconnects_since timestamptz;
ALTER TABLE device_online ADD COLUMN IF NOT EXISTS usual_gap_s real;
COMMENT ON COLUMN device_online.disconnect_reason IS 'Why its last session ended';
COMMENT ON COLUMN device_online.disconnects_in_row IS 'Sessions that ended for that reason, one after the other';
COMMENT ON COLUMN device_online.disconnects_since IS 'When the first of them did';
COMMENT ON COLUMN device_online.usual_gap_s IS 'Seconds that it may be silent when all is well';

-- One row per address and kind: what they said instead of an IMEI, or why they were not let in.
CREATE TABLE IF NOT EXISTS unidentified_connections (
	remote_addr inet NOT NULL,
	what text NOT NULL,
	first_seen_at timestamptz NOT NULL,
	last_seen_at timestamptz NOT NULL,
	attempts bigint NOT NULL,
	first_bytes bytea,
	PRIMARY KEY (remote_addr, what)
);
COMMENT ON TABLE unidentified_connections IS 'Connections without an IMEI, by address and what they were; bounded';
COMMENT ON COLUMN unidentified_connections.first_bytes IS 'The first bytes of the latest, up to 16';

-- Copies of frames with a wrong CRC, which their trackers sent again in one piece: not quarantine, and as any debug copy
-- they may go when they are old.
UPDATE device_ingest_raw r SET reason = 'raw'
WHERE reason = 'crc' AND attempts < 3 AND decoded_at IS NULL
	AND NOT EXISTS (
		SELECT FROM device_ingest_raw c
		WHERE c.imei = r.imei AND c.reason = 'raw' AND c.frame_hash = r.frame_hash
	);
