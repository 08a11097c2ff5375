INSERT INTO attempt (district, channel, organisation, endpoint, producer, part, "offset", resent, number, "time", status, error, ms)
SELECT n.district, 'webhook', n.organisation, n.endpoint, n.producer, n.part, n."offset", n.resent, n.number, n."time", n.status, n.error,
       n.ms
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::integer[], $8::integer[],
            $9::timestamptz[], $10::integer[], $11::text[], $12::bigint[])
    AS n(district, organisation, endpoint, producer, part, "offset", resent, number, "time", status, error, ms)
ON CONFLICT DO NOTHING
