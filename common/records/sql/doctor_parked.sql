-- Those recorded longer than $1 milliseconds before this statement began.
SELECT p.service, count(*) AS parked, min(p.key) AS one
FROM (
    SELECT 'intake' AS service, key, recorded FROM intake.parked
    UNION ALL SELECT 'dispatch', key, recorded FROM dispatch.parked
    UNION ALL SELECT 'notification', key, recorded FROM notification.parked
    UNION ALL SELECT 'evaluation', key, recorded FROM evaluation.parked
    UNION ALL SELECT 'reporting', key, recorded FROM reporting.parked
) AS p
JOIN pg_catalog.pg_stat_activity own ON own.pid = pg_backend_pid()
WHERE own.query_start - p.recorded > $1::bigint * interval '1 millisecond'
GROUP BY p.service
ORDER BY p.service
