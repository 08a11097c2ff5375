-- Where the logs end that others consume, in one snapshot. Not max(), which is planned for an empty log as a scan of all of it.
SELECT producer, coalesce(head, 0)
FROM (VALUES ('intake', (SELECT "offset" FROM intake.event WHERE part = $1::bigint ORDER BY "offset" DESC LIMIT 1)),
             ('dispatch', (SELECT "offset" FROM dispatch.event WHERE part = $1::bigint ORDER BY "offset" DESC LIMIT 1)),
             ('evaluation', (SELECT "offset" FROM evaluation.event WHERE part = $1::bigint ORDER BY "offset" DESC LIMIT 1))) AS log(producer, head)
