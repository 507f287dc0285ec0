-- The figures of tgctl status. $1 the version of the schema that this program knows. The default partition is none
-- of those that the upkeep makes; rows in it mean that one was missing.
SELECT (SELECT max(version) FROM schema_migrations) AS version,
	$1::integer AS known_version,
	(SELECT count(*) FROM devices) AS devices,
	(SELECT count(*) FROM devices WHERE enabled) AS enabled,
	(SELECT count(*) FROM device_online WHERE online) AS online,
	(SELECT max(last_seen_at) FROM device_online) AS last_seen_at,
	(SELECT count(*) FROM rejected_devices) AS rejected,
	(SELECT count(*) FROM device_ingest_raw WHERE reason <> 'raw' AND decoded_at IS NULL) AS quarantined,
	(SELECT count(*) - 1 FROM pg_inherits WHERE inhparent = 'device_positions'::regclass) AS partitions,
	EXISTS (SELECT FROM device_positions_default) AS default_in_use
