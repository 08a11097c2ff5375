INSERT INTO event (part, "offset", id, type, version, district, key, "time", recorded, traceparent, body)
SELECT $1::bigint, e."offset", e.id, e.type, e.version, e.district, e.key, e."time", $2::timestamptz, e.traceparent, e.body
FROM (SELECT unnest($3::bigint[]), unnest($4::uuid[]), unnest($5::text[]), unnest($6::bigint[]), unnest($7::text[]), unnest($8::text[]),
             unnest($9::timestamptz[]), unnest($10::text[]), unnest($11::bytea[]))
    AS e("offset", id, type, version, district, key, "time", traceparent, body)
