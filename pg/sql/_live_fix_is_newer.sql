-- Does the fix that a statement brings come after the stored one? One that lies ahead of the clock is none.
excluded.recorded_at > o.recorded_at OR o.recorded_at IS NULL
	OR (excluded.recorded_at IS NOT NULL AND o.recorded_at > now() + interval '10 minutes')
