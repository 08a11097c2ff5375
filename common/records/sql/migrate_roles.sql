-- The statements that bring the services' roles $1 into being, and the extension that the exclusion constraint over bookings needs:
-- both are the superuser's to make, for a migration and for a restore alike. Passwords are not theirs to say.
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
