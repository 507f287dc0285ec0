-- The IO elements of the live row of IMEI $1, in words.
SELECT e.id, e.name, e.value::double precision AS value, e.text, e.unit, e.label, e.note
FROM devices d
	JOIN device_online o ON o.device_id = d.id
	CROSS JOIN LATERAL telematics_io(o.io, d.device_model::text) AS e
WHERE d.imei = $1
ORDER BY e.id
