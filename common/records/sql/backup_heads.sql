-- Where each service's log ends, per part; a log whose partitions were archived has its head in a table of its own.
SELECT l.service, l.part, max(l."offset") AS head
FROM (
    SELECT 'intake' AS service, part, "offset" FROM intake.event
    UNION ALL SELECT 'intake', part, "offset" FROM intake.log_head
    UNION ALL SELECT 'dispatch', part, "offset" FROM dispatch.event
    UNION ALL SELECT 'dispatch', part, "offset" FROM dispatch.log_head
    UNION ALL SELECT 'notification', part, "offset" FROM notification.event
    UNION ALL SELECT 'notification', part, "offset" FROM notification.log_head
    UNION ALL SELECT 'evaluation', part, "offset" FROM evaluation.event
    UNION ALL SELECT 'evaluation', part, "offset" FROM evaluation.log_head
    UNION ALL SELECT 'reporting', part, "offset" FROM reporting.event
    UNION ALL SELECT 'reporting', part, "offset" FROM reporting.log_head
) AS l
GROUP BY l.service, l.part
ORDER BY l.service, l.part
