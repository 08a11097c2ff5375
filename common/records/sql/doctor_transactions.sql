-- The server's own time is that of this very statement; $1: how many milliseconds are long.
SELECT a.pid, coalesce(nullif(a.application_name, ''), a.usename, '') AS who,
       (extract(epoch FROM own.query_start - a.xact_start) * 1000)::bigint AS open_ms
FROM pg_catalog.pg_stat_activity a
JOIN pg_catalog.pg_stat_activity own ON own.pid = pg_backend_pid()
WHERE a.xact_start IS NOT NULL AND a.pid <> own.pid AND a.backend_type = 'client backend'
  AND own.query_start - a.xact_start > $1::bigint * interval '1 millisecond'
ORDER BY a.xact_start
LIMIT 10
