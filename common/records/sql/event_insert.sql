INSERT INTO event (part, "offset", id, type, version, district, key, "time", recorded, traceparent, body)
SELECT $1::bigint, e."offset", e.id, e.type, e.version, e.district, e.key, e."time", $2::timestamptz, e.traceparent, e.body
FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::text[], $11::bytea[])
    AS e("offset", id, type, version, district, key, "time", traceparent, body)
