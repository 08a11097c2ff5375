-- Not locked: nobody but the lease's holder writes here, and the batch holds the lease's row.
SELECT o.district, o.id, o.place, o.town, o.feed, o.external, o.urgency, o.window_start, o.window_end, o.candidates, o.asked,
       o.required, o.state, o.version
FROM (SELECT unnest($1::text[]), unnest($2::bigint[])) AS q(district, id)
JOIN orders o ON o.district = q.district AND o.id = q.id
