-- One migrate at a time. A lock for each transaction rather than one for the session, so that it works through a
-- transaction-pooling proxy as well. lock_timeout: a migration that waits for a table makes everybody else wait behind
-- it.
BEGIN;
SELECT pg_advisory_xact_lock(1952803941, 2);
SET LOCAL lock_timeout = '10s';
