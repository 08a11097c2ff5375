SELECT o.district, o.id, o.place, o.town, o.feed, o.external_id, o.state, o.version, o.last_offset, o.wish
FROM (SELECT unnest($1::text[]), unnest($2::bigint[])) AS q(district, id)
JOIN orders o ON o.district = q.district AND o.id = q.id
