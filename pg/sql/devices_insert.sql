-- Rows of nothing but an IMEI for devices that nobody has entered yet, where unknown ones are welcome.
INSERT INTO devices (imei) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
