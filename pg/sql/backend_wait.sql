-- What the backend $1, begun at $2, waits for.
SELECT coalesce(wait_event_type || ' ' || wait_event, 'nothing: it is ' || coalesce(state, 'busy')),
	array_to_string(pg_blocking_pids(pid), ', ')
FROM pg_stat_activity
WHERE pid = $1::integer AND backend_start = $2::timestamptz
