-- The connection of the upkeep, which nobody waits for: a step may have to read all of a large partition.
SET statement_timeout = 0;
SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('server_version_num')::integer >= 170000;
