SELECT p.service, count(*) AS poisoned, min(p.key || ' ' || p.reason) AS one
FROM (
    SELECT 'intake' AS service, key, reason FROM intake.poison
    UNION ALL SELECT 'dispatch', key, reason FROM dispatch.poison
    UNION ALL SELECT 'notification', key, reason FROM notification.poison
    UNION ALL SELECT 'evaluation', key, reason FROM evaluation.poison
    UNION ALL SELECT 'reporting', key, reason FROM reporting.poison
) AS p
GROUP BY p.service
ORDER BY p.service
