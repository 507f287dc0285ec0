-- Asks the upkeep for the partition of the day $1, unless it is at another one. Whoever does the next step does it.
UPDATE telematics_locks SET day = $1::date, block = NULL WHERE name = 'upkeep' AND day IS NULL
