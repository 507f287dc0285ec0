-- $1 ids, $2 IMEI whose open commands are meant as well (NULL: none). One statement, so that no gateway gets in
-- between. A row is what was asked for: with "cancelled" false its status is that of before (NULL: no such row).
WITH wanted AS (
	SELECT unnest($1::bigint[]) AS id
	UNION
	SELECT id FROM device_commands WHERE imei = $2 AND status IN ('pending', 'sent')
), done AS (
	UPDATE device_commands SET status = 'cancelled'
	WHERE id IN (SELECT id FROM wanted) AND status = 'pending'
	RETURNING id, imei, status
)
SELECT w.id,
	coalesce(d.imei, c.imei) AS imei,
	coalesce(d.status, c.status) AS status,
	d.id IS NOT NULL AS cancelled
FROM wanted w
	LEFT JOIN done d ON d.id = w.id
	LEFT JOIN device_commands c ON c.id = w.id
ORDER BY w.id
