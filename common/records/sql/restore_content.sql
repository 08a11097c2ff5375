-- The statements that ask each table of this database for a row; leases alone are no content, nor is what migrations say of themselves.
SELECT format('SELECT %L WHERE EXISTS (SELECT FROM %I.%I)', n.nspname || '.' || c.relname, n.nspname, c.relname) AS statement
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
  AND NOT (n.nspname = 'ztc_migration' OR (n.nspname = ANY ($1::text[]) AND c.relname IN ('lease', 'live_history')))
ORDER BY 1
