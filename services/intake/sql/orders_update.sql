UPDATE orders o SET state = q.state, version = q.version, last_offset = q.last_offset, wish = q.wish
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::bytea[]))
    AS q(district, id, state, version, last_offset, wish)
WHERE o.district = q.district AND o.id = q.id
