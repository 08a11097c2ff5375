-- As lease_lock, for a batch that asks nothing before it writes: no row, and the statement fails, so that the batch does.
SELECT 1 / count(*)
FROM (SELECT 1 FROM lease WHERE part = $1::bigint AND epoch = $2::bigint AND holder = $3::text FOR SHARE) AS held
