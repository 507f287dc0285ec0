-- One page of all devices, behind the id $1: a change or a lookup never waits for the whole of a large table.
\ir _devices_fields.sql
FROM (SELECT id, imei, enabled, device_model FROM devices WHERE id > $1::bigint ORDER BY id LIMIT 5000) d
LEFT JOIN device_models m ON m.device_model = d.device_model
