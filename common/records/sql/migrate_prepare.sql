-- The statements that bring roles, schemas and the record of migrations into being, for the caller to run in this order:
-- $1 the roles, $2 the schemas. The exclusion constraint over bookings needs btree_gist, which only a superuser may install.
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
    UNION ALL
    SELECT 4, 'CREATE SCHEMA IF NOT EXISTS ztc_migration'
    UNION ALL
    SELECT 5, format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION ztc_owner', schema)
    FROM unnest($2::text[]) AS schema
    UNION ALL
    -- A function is open to everyone unless this is said before it is made.
    SELECT 6, 'ALTER DEFAULT PRIVILEGES FOR ROLE ztc_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC'
    UNION ALL
    SELECT 7, 'CREATE TABLE IF NOT EXISTS ztc_migration.applied (
        schema     text        NOT NULL,
        series     text        NOT NULL CHECK (series IN (''common'', ''own'')),
        number     integer     NOT NULL,
        name       text        NOT NULL,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL,
        PRIMARY KEY (schema, series, number)
    )'
) AS step
ORDER BY step, statement;
