-- A day, of those that this transaction exports, whose rows are on their way from the default partition into its own: until they
-- are there, nobody sees them all (migrations/0008_locks.sql).
SELECT right(c.relname, 8) AS day FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.conname = c.relname || '_day'
WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'device_positions'::regclass)
AND c.relname ~ '^device_positions_[0-9]{8}$'
AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'device_positions'::regclass AND inhrelid = c.oid)
AND current_setting('telematics.export_from') IN ('-infinity', to_char(to_date(right(c.relname, 8), 'YYYYMMDD'), 'YYYY-MM-DD'))
LIMIT 1
