-- Forgets the refusals of the IMEI $1 (NULL: of all, and all unidentified connections).
WITH u AS (DELETE FROM unidentified_connections WHERE $1::text IS NULL)
DELETE FROM rejected_devices WHERE $1::text IS NULL OR imei = $1 RETURNING imei
