-- The length of the queue, for the gauges.
SELECT status, count(*) FROM device_commands WHERE status IN ('pending', 'sent') GROUP BY status
