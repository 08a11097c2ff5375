INSERT INTO history (district, "order", version, type, "time", recorded, producer, part, "offset", "by", trace, body)
SELECT q.district, q."order", q.version, q.type, q."time", q.recorded, q.producer, q.part, q."offset", q."by", q.trace, q.body
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::timestamptz[]),
             unnest($6::timestamptz[]), unnest($7::text[]), unnest($8::integer[]), unnest($9::bigint[]), unnest($10::text[]),
             unnest($11::text[]), unnest($12::bytea[]))
    AS q(district, "order", version, type, "time", recorded, producer, part, "offset", "by", trace, body)
