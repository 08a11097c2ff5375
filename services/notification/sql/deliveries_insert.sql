INSERT INTO delivery (district, channel, organisation, endpoint, producer, part, "offset", notice, event, type, side, "order", body, zone,
                      quiet_from, quiet_to, recorded, state, due, tries, resent, error)
SELECT n.district, 'webhook', n.organisation, n.endpoint, n.producer, n.part, n."offset", n.notice, n.event, n.type, n.side, n."order",
       n.body, n.zone, n.quiet_from, n.quiet_to, n.recorded, 'waiting', n.due, 0, 0, 'none'
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[], $8::text[], $9::text[],
            $10::text[], $11::bigint[], $12::text[], $13::text[], $14::integer[], $15::integer[], $16::timestamptz[],
            $17::timestamptz[])
    AS n(district, organisation, endpoint, producer, part, "offset", notice, event, type, side, "order", body, zone, quiet_from,
         quiet_to, recorded, due)
ON CONFLICT DO NOTHING
