-- Where the logs end that others consume, in one snapshot.
SELECT producer, coalesce(head, 0)
FROM (VALUES ('intake', (SELECT max("offset") FROM intake.event WHERE part = $1::bigint)),
             ('dispatch', (SELECT max("offset") FROM dispatch.event WHERE part = $1::bigint)),
             ('evaluation', (SELECT max("offset") FROM evaluation.event WHERE part = $1::bigint))) AS log(producer, head)
