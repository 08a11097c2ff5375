-- The statements that make the leases of the schemas $1 nobody's, and Redis another history's. Epochs go past every one that the
-- stack this was copied from can have come to since: past the milliseconds $2, of which there are more than there were restarts.
SELECT statement
FROM (
    SELECT 1 AS step, format('UPDATE %I.lease SET epoch = greatest(epoch + 1, %s::bigint), holder = %L, beat = 0, pub = %L, router = %L, '
                             'key = %L', schema, $2::bigint, '', '', '', '') AS statement
    FROM unnest($1::text[]) AS schema
    UNION ALL
    SELECT 2, format('UPDATE dispatch.live_history SET number = greatest(number + 1, %s::bigint)', $2::bigint)
) AS step
ORDER BY step, statement
