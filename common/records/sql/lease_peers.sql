SELECT 'intake' AS service, epoch, holder, pub, router FROM intake.lease WHERE part = 0
UNION ALL SELECT 'dispatch', epoch, holder, pub, router FROM dispatch.lease WHERE part = 0
UNION ALL SELECT 'notification', epoch, holder, pub, router FROM notification.lease WHERE part = 0
UNION ALL SELECT 'evaluation', epoch, holder, pub, router FROM evaluation.lease WHERE part = 0
UNION ALL SELECT 'reporting', epoch, holder, pub, router FROM reporting.lease WHERE part = 0
