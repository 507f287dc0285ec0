-- Deletes frames: those of the ids $1, or if there are none those of the quarantine, of the IMEI $2, with the reason $3 (NULL:
-- any).
DELETE FROM device_ingest_raw
WHERE CASE WHEN cardinality($1::bigint[]) > 0 THEN id = ANY ($1::bigint[])
	ELSE decoded_at IS NULL AND ($3 = 'raw' OR reason <> 'raw')
		AND ($2::text IS NULL OR imei = $2) AND ($3::text IS NULL OR reason = $3) END
RETURNING id
