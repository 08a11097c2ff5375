UPDATE assignment a SET state = q.state, is_open = q.is_open
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::boolean[]) AS q(district, "order", id, state, is_open)
WHERE a.district = q.district AND a."order" = q."order" AND a.id = q.id
