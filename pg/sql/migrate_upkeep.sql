-- One step of upkeep, with the days of retention of positions $1 and of raw frames $2; true: there is more to do.
SELECT telematics_upkeep($1::integer, $2::integer) AS more
