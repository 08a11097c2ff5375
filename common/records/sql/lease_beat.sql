UPDATE lease SET beat = beat + 1 WHERE part = $1::bigint AND epoch = $2::bigint AND holder = $3::text RETURNING beat
