-- Each record gets the number that its device has here.
UPDATE telematics_import s SET device_id = d.id FROM devices d WHERE d.imei = s.imei AND d.id <> s.device_id
