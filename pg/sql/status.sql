-- The figures of tgctl status. $1 the version of the schema that this program knows. What the history is: partitioned
-- (by us), or a hypertable of TimescaleDB or a plain table, as an operator made it; these have no partitions of ours.
-- The default partition is none of those that the upkeep makes.
SELECT (SELECT max(version) FROM schema_migrations) AS version,
	$1::integer AS known_version,
	(SELECT count(*) FROM devices) AS devices,
	(SELECT count(*) FROM devices WHERE enabled) AS enabled,
	(SELECT count(*) FROM device_online WHERE online) AS online,
	(SELECT max(last_seen_at) FROM device_online) AS last_seen_at,
	(SELECT count(*) FROM rejected_devices) AS rejected,
	(SELECT count(*) FROM unidentified_connections) AS unidentified,
	(SELECT count(*) FROM device_ingest_raw WHERE reason <> 'raw' AND decoded_at IS NULL) AS quarantined,
	telematics_history_kind() AS history,
	CASE WHEN telematics_history_kind() = 'partitioned' THEN
		(SELECT count(*) FROM pg_inherits WHERE inhparent = 'device_positions'::regclass)
			- (SELECT count(*) FROM pg_partitioned_table
				WHERE partrelid = 'device_positions'::regclass AND partdefid <> 0)
	END AS partitions
