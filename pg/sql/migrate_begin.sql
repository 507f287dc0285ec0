-- One migrate at a time: it holds the ledger, which only its owner can lock so and everybody can read meanwhile. A lock
-- for each transaction rather than one for the session, so that it works through a transaction-pooling proxy as well.
-- It waits for another migrate however long that takes, but not for a table, as everybody else would wait behind it.
BEGIN;
SET LOCAL lock_timeout = 0;
LOCK TABLE schema_migrations IN SHARE ROW EXCLUSIVE MODE;
SET LOCAL lock_timeout = '10s';
