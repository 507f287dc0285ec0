-- The devices of the IMEIs in $1.
\ir _devices_fields.sql
FROM devices d
LEFT JOIN device_models m ON m.device_model = d.device_model
WHERE d.imei = ANY ($1::text[])
