SELECT 'intake' AS service, epoch, holder, pub, router, key FROM intake.lease WHERE part = 0
UNION ALL SELECT 'dispatch', epoch, holder, pub, router, key FROM dispatch.lease WHERE part = 0
UNION ALL SELECT 'notification', epoch, holder, pub, router, key FROM notification.lease WHERE part = 0
UNION ALL SELECT 'evaluation', epoch, holder, pub, router, key FROM evaluation.lease WHERE part = 0
UNION ALL SELECT 'reporting', epoch, holder, pub, router, key FROM reporting.lease WHERE part = 0
