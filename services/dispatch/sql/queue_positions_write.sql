INSERT INTO queue_position (district, squad, position)
SELECT q.district, q.squad, q.position FROM unnest($1::text[], $2::text[], $3::bigint[]) AS q(district, squad, position)
ON CONFLICT (district, squad) DO UPDATE SET position = excluded.position
