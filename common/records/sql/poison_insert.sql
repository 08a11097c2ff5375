INSERT INTO poison (producer, part, "offset", district, key, version, type, reason, recorded, body)
SELECT e.producer, $1::bigint, e."offset", e.district, e.key, e.version, e.type, e.reason, $2::timestamptz, e.body
FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::bytea[])
    AS e(producer, "offset", district, key, version, type, reason, body)
