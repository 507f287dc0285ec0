-- Rows of a file: $1 IMEIs, each once, $2 names, $3 models, $4 whether enabled; NULL where the file says nothing. $5: only
-- look what would be done.
WITH new AS (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[]) AS x (imei, name, device_model, enabled)
), changed AS (
	SELECT d.id, coalesce(n.name, d.name) AS name, coalesce(n.device_model, d.device_model) AS device_model,
		coalesce(n.enabled, d.enabled) AS enabled
	FROM new n
		JOIN devices d ON d.imei = n.imei
	WHERE (coalesce(n.name, d.name), coalesce(n.device_model, d.device_model), coalesce(n.enabled, d.enabled))
		IS DISTINCT FROM (d.name, d.device_model, d.enabled)
), missing AS (
	SELECT * FROM new n WHERE NOT EXISTS (SELECT FROM devices WHERE imei = n.imei)
), added AS (
	INSERT INTO devices (imei, name, device_model, enabled)
	SELECT imei, name, device_model, coalesce(enabled, true) FROM missing WHERE NOT $5::boolean ORDER BY imei
), updated AS (
	UPDATE devices d
	SET name = c.name, device_model = c.device_model, enabled = c.enabled
	FROM changed c
	WHERE d.id = c.id AND NOT $5::boolean
)
SELECT (SELECT count(*) FROM missing) AS added,
	(SELECT count(*) FROM changed) AS updated,
	(SELECT count(*) FROM new) - (SELECT count(*) FROM missing) - (SELECT count(*) FROM changed) AS unchanged
