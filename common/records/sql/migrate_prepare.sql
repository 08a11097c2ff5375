-- The statements that bring the schemas $1 and the record of migrations into being, for the caller to run in this order after those
-- of migrate_roles.sql.
SELECT statement
FROM (
    SELECT 1 AS step, 'CREATE SCHEMA IF NOT EXISTS ztc_migration' AS statement
    UNION ALL
    SELECT 2, format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION ztc_owner', schema)
    FROM unnest($1::text[]) AS schema
    UNION ALL
    -- A function is open to everyone unless this is said before it is made.
    SELECT 3, 'ALTER DEFAULT PRIVILEGES FOR ROLE ztc_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC'
    UNION ALL
    SELECT 4, 'CREATE TABLE IF NOT EXISTS ztc_migration.applied (
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
