-- How often an IMEI that is not registered has tried, $1.
SELECT attempts, last_seen_at, coalesce(host(last_remote_addr), '?') AS last_addr
FROM rejected_devices
WHERE imei = $1
