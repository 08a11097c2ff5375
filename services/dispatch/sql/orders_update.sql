UPDATE orders o SET asked = q.asked, assignment = q.assignment, state = q.state, version = q.version
FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::bigint[])
    AS q(district, id, asked, assignment, state, version)
WHERE o.district = q.district AND o.id = q.id
