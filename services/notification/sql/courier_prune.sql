-- How many went: as many as one statement takes ($2) when there may be more.
WITH gone AS (
    DELETE FROM delivery
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM delivery WHERE state = 'delivered' AND finished < $1::timestamptz LIMIT $2::bigint))
    RETURNING 1
)
SELECT count(*) FROM gone
