-- Every table of the schemas $1, with the statement that counts its rows; a partitioned one stands for its partitions.
SELECT n.nspname || '.' || c.relname AS name, format('SELECT count(*) FROM %I.%I', n.nspname, c.relname) AS counting
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY 1
