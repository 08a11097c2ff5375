-- When an order ended is kept of every one: its rows go by it.
UPDATE contact_part p SET standing = 'over', ended = q.ended
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::timestamptz[])) AS q(district, "order", ended)
WHERE p.district = q.district AND p."order" = q."order"
  AND (q.ended IS NOT NULL OR EXISTS (SELECT FROM contact c WHERE c.district = q.district AND c."order" = q."order"))
