-- Refused IMEIs, folded since the last time, in the order of the key as every worker does it: else two would
-- deadlock.
INSERT INTO rejected_devices AS r (imei, reason, first_seen_at, last_seen_at, attempts, last_remote_addr)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::inet[])
ON CONFLICT (imei) DO UPDATE SET
	reason = excluded.reason,
	first_seen_at = least(r.first_seen_at, excluded.first_seen_at),
	last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at),
	attempts = r.attempts + excluded.attempts,
	last_remote_addr = coalesce(excluded.last_remote_addr, r.last_remote_addr)
