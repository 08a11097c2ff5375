-- What stands aside, in the order it is taken up again; the type as its log says it. $1, $2: a service, a key; empty: all.
SELECT p.service, p.district, p.key, p.version,
       coalesce(i.type, s.type, v.type, p.type) AS type,
       p.producer || ':' || p."offset" AS position,
       to_char(p.recorded AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since, p.tries, p.retry,
       count(*) OVER (PARTITION BY p.service, p.district, p.key ORDER BY p.version ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS waiting,
       p.reason
FROM (
    SELECT 'intake' AS service, * FROM intake.poison
    UNION ALL SELECT 'dispatch', * FROM dispatch.poison
    UNION ALL SELECT 'notification', * FROM notification.poison
    UNION ALL SELECT 'evaluation', * FROM evaluation.poison
    UNION ALL SELECT 'reporting', * FROM reporting.poison
) AS p
LEFT JOIN intake.event i ON p.producer = 'intake' AND i.part = p.part AND i."offset" = p."offset"
LEFT JOIN dispatch.event s ON p.producer = 'dispatch' AND s.part = p.part AND s."offset" = p."offset"
LEFT JOIN evaluation.event v ON p.producer = 'evaluation' AND v.part = p.part AND v."offset" = p."offset"
WHERE ($1 = '' OR p.service = $1) AND ($2 = '' OR p.key = $2)
ORDER BY p.service, p.district, p.key, p.version
