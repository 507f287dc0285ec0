-- A transaction of nothing but duplicates writes no WAL, so its COMMIT waits for nothing and proves nothing about
-- the first copies. They are committed, though, as far as this server can see, so their COMMIT stands in the WAL
-- before this message: once the message is durable (and on the standby, if one is waited for), so are they.
SELECT pg_logical_emit_message(true, 'telematics-gateway', '')
