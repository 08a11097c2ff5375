-- What only waits for an earlier event of its key is tried as soon as that is gone.
INSERT INTO poison (producer, part, "offset", district, key, version, type, reason, recorded, body, retry)
SELECT e.producer, $1::bigint, e."offset", e.district, e.key, e.version, e.type, e.reason, $2::timestamptz, e.body, e.waits
FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::bytea[], $11::boolean[])
    AS e(producer, "offset", district, key, version, type, reason, body, waits)
