UPDATE contact_part p SET standing = 'over', ended = q.ended
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS q(district, "order", ended)
WHERE p.district = q.district AND p."order" = q."order"
