UPDATE contact c SET ended = q.ended
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::timestamptz[])) AS q(district, "order", ended)
WHERE c.district = q.district AND c."order" = q."order"
