SELECT greatest(coalesce((SELECT max("offset") FROM event WHERE part = $1::bigint), 0),
                coalesce((SELECT max("offset") FROM log_head WHERE part = $1::bigint), 0))
