-- One page of all devices, behind the id $1: a change or a lookup never waits for the whole of a large table. The
-- last column says which table it is, and which one since it was truncated last (telematics_same_devices).
\ir _devices_fields.sql
	, (SELECT c.oid::bigint << 32 | c.relfilenode::bigint FROM pg_class c WHERE c.oid = 'devices'::regclass)
		AS known_table
FROM (SELECT id, imei, enabled, device_model FROM devices WHERE id > $1::bigint ORDER BY id LIMIT 5000) d
LEFT JOIN device_models m ON m.device_model = d.device_model
