-- Does the session that a statement brings come after the stored one? The id of a session holds when it began, by the
-- database's clock; one that began more than 5 s ahead of that is older than any that begins now.
excluded.session_id IS NOT NULL AND (excluded.session_id > coalesce(o.session_id, 0)
	OR (excluded.session_id <> o.session_id
		AND o.session_id >> 11 > ((extract(epoch FROM now()) + 5) * 1000000)::bigint))
