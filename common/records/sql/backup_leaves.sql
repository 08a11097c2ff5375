-- What pg_dump goes through, and how large each is: for telling how far it is.
SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_catalog.pg_table_size(c.oid) AS bytes
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1::text[]) AND c.relkind = 'r'
