SELECT o.district, o.id, o.place, o.town, o.feed, o.external_id, o.state, o.version, o.last_offset, o.wish
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[])) AS q(district, feed, external_id)
JOIN orders o ON o.district = q.district AND o.feed = q.feed AND o.external_id = q.external_id AND o.external_id <> ''
