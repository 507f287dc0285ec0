UPDATE devices SET enabled = $2::boolean WHERE imei = ANY ($1::text[])
RETURNING id, imei, name, device_model, enabled
