-- How many offsets each log that is written to still has partitions for; a partition holds a million.
SELECT l.service, i.partitions * 1000000 - l.head AS ahead
FROM (
    SELECT 'intake' AS service, 'intake.event'::regclass AS log, coalesce(max("offset"), 0) AS head FROM intake.event
    UNION ALL SELECT 'dispatch', 'dispatch.event'::regclass, coalesce(max("offset"), 0) FROM dispatch.event
    UNION ALL SELECT 'notification', 'notification.event'::regclass, coalesce(max("offset"), 0) FROM notification.event
    UNION ALL SELECT 'evaluation', 'evaluation.event'::regclass, coalesce(max("offset"), 0) FROM evaluation.event
) AS l
CROSS JOIN LATERAL (SELECT count(*) AS partitions FROM pg_catalog.pg_inherits h WHERE h.inhparent = l.log) AS i
ORDER BY l.service
