-- The quarantine: all that could be decoded again.
SELECT id FROM device_ingest_raw WHERE decoded_at IS NULL AND reason <> 'raw' ORDER BY id
