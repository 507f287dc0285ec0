-- Rows in the default partition mean that the one of a day was missing, or that a tracker's clock is wrong.
SELECT EXISTS (SELECT FROM device_positions_default) AS default_in_use
