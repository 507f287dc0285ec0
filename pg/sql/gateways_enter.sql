-- Asks for the id $1 once more, which another instance than ours ($2) has: fails unless that one is gone.
SELECT telematics_gateway_enter($1::text, $2::bigint, true)
