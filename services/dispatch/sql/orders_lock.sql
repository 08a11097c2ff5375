SELECT o.district, o.id, o.place, o.town, o.feed, o.external, o.urgency, o.window_start, o.window_end, o.candidates, o.asked,
       o.required, o.state, o.version
FROM unnest($1::text[], $2::bigint[]) AS q(district, id)
JOIN orders o ON o.district = q.district AND o.id = q.id
ORDER BY o.district, o.id FOR UPDATE OF o
