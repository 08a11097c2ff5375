UPDATE contact_part p SET standing = 'over', ended = q.ended
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::timestamptz[])) AS q(district, "order", ended)
WHERE p.district = q.district AND p."order" = q."order"
