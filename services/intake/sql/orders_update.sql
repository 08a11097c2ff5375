UPDATE orders o SET state = q.state, version = q.version, last_offset = q.last_offset, wish = q.wish
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[])
    AS q(district, id, state, version, last_offset, wish)
WHERE o.district = q.district AND o.id = q.id
