-- What was buried or sent again meanwhile stays so, unless it arrived after all.
UPDATE delivery d
SET state = n.state, due = coalesce(n.due, d.due), tries = n.tries, finished = n.finished, error = n.error
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::integer[], $8::text[],
            $9::timestamptz[], $10::integer[], $11::timestamptz[], $12::text[])
    AS n(district, organisation, endpoint, producer, part, "offset", resent, state, due, tries, finished, error)
WHERE d.district = n.district AND d.channel = 'webhook' AND d.organisation = n.organisation AND d.endpoint = n.endpoint
  AND d.producer = n.producer AND d.part = n.part AND d."offset" = n."offset"
  AND (n.state = 'delivered' OR (d.state = 'waiting' AND d.resent = n.resent))
