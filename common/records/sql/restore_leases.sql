-- The statements that show each lease of the schemas $1 that are there.
SELECT format('SELECT %L, epoch, holder, beat FROM %I.lease WHERE holder <> %L', n.nspname, n.nspname, '') AS statement
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1::text[]) AND c.relname = 'lease'
ORDER BY 1
