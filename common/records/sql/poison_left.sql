-- What stands aside, and what of it waits for its try; $1, $2: a service, a key; empty: all.
SELECT count(*), count(*) FILTER (WHERE p.retry AND p.version = p.first) AS due
FROM (
    SELECT 'intake' AS service, key, version, retry, min(version) OVER (PARTITION BY district, key) AS first FROM intake.poison
    UNION ALL
    SELECT 'dispatch', key, version, retry, min(version) OVER (PARTITION BY district, key) FROM dispatch.poison
    UNION ALL
    SELECT 'notification', key, version, retry, min(version) OVER (PARTITION BY district, key) FROM notification.poison
    UNION ALL
    SELECT 'evaluation', key, version, retry, min(version) OVER (PARTITION BY district, key) FROM evaluation.poison
    UNION ALL
    SELECT 'reporting', key, version, retry, min(version) OVER (PARTITION BY district, key) FROM reporting.poison
) AS p
WHERE ($1 = '' OR p.service = $1) AND ($2 = '' OR p.key = $2)
