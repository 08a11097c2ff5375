-- Whether the database $1 is there, and who else is connected to it; autovacuum gives way to a change of its name by itself.
SELECT d.datname,
       (SELECT string_agg(DISTINCT coalesce(nullif(a.application_name, ''), a.usename, '?'), ', ')
        FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_catalog.pg_backend_pid()
           AND a.backend_type IS DISTINCT FROM 'autovacuum worker') AS connected
FROM pg_catalog.pg_database d
WHERE d.datname = $1
