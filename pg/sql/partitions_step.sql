-- One small step of partitions and retention; true: there is more to do. $1 and $2: days that positions and raw
-- frames stay.
SELECT telematics_upkeep($1::integer, $2::integer)
