-- Which of the IMEIs $1 are not registered.
SELECT i FROM unnest($1::text[]) AS i WHERE NOT EXISTS (SELECT FROM devices WHERE imei = i)
