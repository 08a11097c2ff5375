INSERT INTO parked (district, key, version, producer, part, "offset", id, type, "time", recorded, traceparent, body)
SELECT e.district, e.key, e.version, e.producer, $1::bigint, e."offset", e.id, e.type, e."time", e.recorded, e.traceparent, e.body
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::uuid[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::bytea[])
    AS e(district, key, version, producer, "offset", id, type, "time", recorded, traceparent, body)
