-- The statements that make the rights of architecture.md §7 true, whatever they were before, for the caller to run in this
-- order: $1 the roles, $2 their schemas, pairwise. Partitions get no rights of their own: they are reached through `event`.
WITH service AS (
    SELECT role, schema FROM unnest($1::text[], $2::text[]) AS service(role, schema)
),
relation AS (
    SELECT service.schema, c.relname AS name
    FROM service
    JOIN pg_catalog.pg_namespace n ON n.nspname = service.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
),
grantee AS (
    SELECT 'PUBLIC' AS name
    UNION ALL
    SELECT format('%I', role) FROM service
)
SELECT statement
FROM (
    SELECT 1 AS step, format('REVOKE ALL ON DATABASE %I FROM %s', current_database(), name) AS statement FROM grantee
    UNION ALL
    SELECT 2, format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role) FROM service
    UNION ALL
    SELECT 3, format('REVOKE ALL ON SCHEMA %I FROM %s', schema, name)
    FROM (SELECT schema FROM service UNION ALL VALUES ('public'), ('ztc_migration')) AS every(schema)
    CROSS JOIN grantee
    UNION ALL
    SELECT 4, format('REVOKE ALL ON ALL %s IN SCHEMA %I FROM %s', kind, schema, name)
    FROM service
    CROSS JOIN (VALUES ('TABLES'), ('SEQUENCES'), ('ROUTINES')) AS objects(kind)
    CROSS JOIN grantee
    UNION ALL
    SELECT 5, format('GRANT USAGE ON SCHEMA %I TO %I', owned.schema, other.role)
    FROM service owned CROSS JOIN service other
    UNION ALL
    SELECT 6, format(
        'GRANT %s ON %I.%I TO %I',
        CASE
            WHEN relation.name IN ('event', 'log_head') THEN 'SELECT, INSERT'
            ELSE 'SELECT, INSERT, UPDATE, DELETE'
        END,
        relation.schema, relation.name, service.role)
    FROM service JOIN relation USING (schema)
    UNION ALL
    SELECT 7, format('GRANT SELECT ON %I.%I TO %I', relation.schema, relation.name, other.role)
    FROM relation JOIN service other ON other.schema <> relation.schema
    WHERE relation.name IN ('event', 'lease')
    UNION ALL
    SELECT 8, format('GRANT %s ON ALL %s IN SCHEMA %I TO %I', right_, kind, schema, role)
    FROM service CROSS JOIN (VALUES ('USAGE', 'SEQUENCES'), ('EXECUTE', 'ROUTINES')) AS objects(right_, kind)
) AS step
ORDER BY step, statement;
