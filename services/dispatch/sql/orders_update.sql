UPDATE orders o SET asked = q.asked, state = q.state, version = q.version
FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::text[], $5::bigint[]) AS q(district, id, asked, state, version)
WHERE o.district = q.district AND o.id = q.id
