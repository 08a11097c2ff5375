UPDATE orders o SET asked = q.asked, state = q.state, version = q.version
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::integer[]), unnest($4::text[]), unnest($5::bigint[]))
    AS q(district, id, asked, state, version)
WHERE o.district = q.district AND o.id = q.id
