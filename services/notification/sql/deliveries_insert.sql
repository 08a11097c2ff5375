INSERT INTO delivery (district, channel, organisation, endpoint, producer, part, "offset", notice, event, type, side, "order", body, zone,
                      quiet_from, quiet_to, recorded, state, due, tries, resent, error)
SELECT n.district, 'webhook', n.organisation, n.endpoint, n.producer, n.part, n."offset", n.notice, n.event, n.type, n.side, n."order",
       n.body, n.zone, n.quiet_from, n.quiet_to, n.recorded, 'waiting', n.due, 0, 0, 'none'
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::integer[]), unnest($6::bigint[]),
             unnest($7::bigint[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]), unnest($11::bigint[]), unnest($12::text[]),
             unnest($13::text[]), unnest($14::integer[]), unnest($15::integer[]), unnest($16::timestamptz[]), unnest($17::timestamptz[]))
    AS n(district, organisation, endpoint, producer, part, "offset", notice, event, type, side, "order", body, zone, quiet_from, quiet_to,
         recorded, due)
ON CONFLICT DO NOTHING
