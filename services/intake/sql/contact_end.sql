UPDATE contact c SET ended = q.ended
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS q(district, "order", ended)
WHERE c.district = q.district AND c."order" = q."order"
