-- The fence of every batch: no row, and the batch changes nothing. Held until its commit, so that nobody takes the part in between.
SELECT epoch FROM lease WHERE part = $1::bigint AND epoch = $2::bigint AND holder = $3::text FOR SHARE
