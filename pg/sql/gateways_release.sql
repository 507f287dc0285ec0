-- A worker that drains doesn't hold the id of its gateway any more (telematics_gateway_enter), so that one that is
-- started in its place need not wait.
SELECT pg_advisory_unlock_all()
