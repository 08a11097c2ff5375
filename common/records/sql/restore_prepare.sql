-- What the dump takes for granted: the roles $1 (whose passwords it does not hold), and the extension, which only a superuser may install.
SELECT statement
FROM (
    SELECT 1 AS step, 'CREATE ROLE ztc_owner NOLOGIN' AS statement
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'ztc_owner')
    UNION ALL
    SELECT DISTINCT 2, format('CREATE ROLE %I LOGIN', role)
    FROM unnest($1::text[]) AS role
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role)
    UNION ALL
    SELECT 3, 'CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public'
) AS step
ORDER BY step, statement
