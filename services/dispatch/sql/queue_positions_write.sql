INSERT INTO queue_position (district, squad, position)
SELECT q.district, q.squad, q.position FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]))
    AS q(district, squad, position)
ON CONFLICT (district, squad) DO UPDATE SET position = excluded.position
