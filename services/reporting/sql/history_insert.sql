INSERT INTO history (district, "order", version, type, "time", recorded, producer, part, "offset", "by", trace, body)
SELECT q.district, q."order", q.version, q.type, q."time", q.recorded, q.producer, q.part, q."offset", q."by", q.trace, q.body
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::integer[],
            $9::bigint[], $10::text[], $11::text[], $12::bytea[])
    AS q(district, "order", version, type, "time", recorded, producer, part, "offset", "by", trace, body)
