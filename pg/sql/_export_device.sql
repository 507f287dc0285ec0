\ir _export_day.sql
AND p.device_id = current_setting('telematics.export_device')::bigint
