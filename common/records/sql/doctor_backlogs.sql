-- Each consumer of each log: how far it is, and how far the log is.
WITH head AS (
    SELECT 'intake' AS producer, coalesce(max("offset"), 0) AS "offset" FROM intake.event WHERE part = 0
    UNION ALL SELECT 'dispatch', coalesce(max("offset"), 0) FROM dispatch.event WHERE part = 0
    UNION ALL SELECT 'evaluation', coalesce(max("offset"), 0) FROM evaluation.event WHERE part = 0
),
applied AS (
    SELECT 'intake' AS consumer, producer, max(to_offset) AS "offset" FROM intake.cursor WHERE part = 0 GROUP BY producer
    UNION ALL SELECT 'dispatch', producer, max(to_offset) FROM dispatch.cursor WHERE part = 0 GROUP BY producer
    UNION ALL SELECT 'notification', producer, max(to_offset) FROM notification.cursor WHERE part = 0 GROUP BY producer
    UNION ALL SELECT 'evaluation', producer, max(to_offset) FROM evaluation.cursor WHERE part = 0 GROUP BY producer
    UNION ALL SELECT 'reporting', producer, max(to_offset) FROM reporting.cursor WHERE part = 0 GROUP BY producer
)
SELECT c.consumer, c.producer, coalesce(a."offset", 0) AS applied, h."offset" AS head
FROM (VALUES ('intake', 'dispatch'), ('dispatch', 'intake'), ('notification', 'intake'), ('notification', 'dispatch'),
             ('evaluation', 'intake'), ('evaluation', 'dispatch'), ('reporting', 'intake'), ('reporting', 'dispatch'),
             ('reporting', 'evaluation')) AS c(consumer, producer)
JOIN head h USING (producer)
LEFT JOIN applied a USING (consumer, producer)
ORDER BY c.consumer, c.producer
