WITH gone AS (
    DELETE FROM command WHERE ctid = ANY (ARRAY(SELECT ctid FROM command WHERE recorded < $1::timestamptz LIMIT $2::bigint)) RETURNING 1)
SELECT count(*) FROM gone
