-- No row while a transaction holds the lease row: lease_take would wait for its end.
SELECT part FROM lease WHERE part = $1::bigint FOR NO KEY UPDATE SKIP LOCKED
