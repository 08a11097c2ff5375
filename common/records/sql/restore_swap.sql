-- The statements that put the database $1 in the place of $2, which is called $3 then.
SELECT statement
FROM (
    SELECT 1 AS step, format('ALTER DATABASE %I RENAME TO %I', $2::text, $3::text) AS statement
    WHERE EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $2::text)
    UNION ALL
    SELECT 2, format('ALTER DATABASE %I RENAME TO %I', $1::text, $2::text)
) AS step
ORDER BY step
