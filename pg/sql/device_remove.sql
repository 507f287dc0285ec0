-- Takes the devices of the IMEIs $1 out of the inventory, with their live rows. Their history stays.
WITH gone AS (
	DELETE FROM devices WHERE imei = ANY ($1::text[]) RETURNING id, imei, name, device_model
), live AS (
	DELETE FROM device_online WHERE device_id IN (SELECT id FROM gone)
)
SELECT id, imei, name, device_model FROM gone ORDER BY imei
