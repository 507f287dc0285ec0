-- The upkeep is no longer asked for the partition of the day $1, if it has not begun it.
UPDATE telematics_locks SET day = NULL WHERE name = 'upkeep' AND day = $1::date AND block IS NULL
