-- IMEIs $1, all of them with the name $2, the model $3 and enabled or not, $4.
INSERT INTO devices (imei, name, device_model, enabled)
SELECT DISTINCT i, $2, $3, $4::boolean FROM unnest($1::text[]) AS i ORDER BY 1
ON CONFLICT (imei) DO NOTHING
RETURNING id, imei, name, device_model, enabled
