SELECT 'intake' AS service, holder, epoch, beat FROM intake.lease WHERE part = 0
UNION ALL SELECT 'dispatch', holder, epoch, beat FROM dispatch.lease WHERE part = 0
UNION ALL SELECT 'notification', holder, epoch, beat FROM notification.lease WHERE part = 0
UNION ALL SELECT 'evaluation', holder, epoch, beat FROM evaluation.lease WHERE part = 0
UNION ALL SELECT 'reporting', holder, epoch, beat FROM reporting.lease WHERE part = 0
