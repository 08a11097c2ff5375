-- The server's time when this statement began, in milliseconds.
SELECT (extract(epoch FROM query_start) * 1000)::bigint FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()
