-- Forgets the refusals of the IMEI $1 (NULL: of all).
DELETE FROM rejected_devices WHERE $1::text IS NULL OR imei = $1 RETURNING imei
