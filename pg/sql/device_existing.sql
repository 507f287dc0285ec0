-- Which of the IMEIs $1 are registered, for the messages about them: the first 20.
SELECT imei, id, enabled FROM devices WHERE imei = ANY ($1::text[]) ORDER BY imei LIMIT 20
