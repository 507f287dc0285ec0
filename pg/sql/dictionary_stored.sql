-- The rows of the dictionary are now those of hash $1.
INSERT INTO telematics_settings (name, value) VALUES ('dictionary', $1)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
