UPDATE device_ingest_raw SET decoded_at = now() WHERE id = $1::bigint
