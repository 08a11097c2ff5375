-- What a squad's stars count, of the orders that the caller may see.
SELECT c."offset", c."order", c.place, c.satisfaction, c."time"
FROM counted c
JOIN visible_orders($1::text, $2::text, $3::text, $4::text[]) o ON o.district = c.district AND o."order" = c."order"
WHERE c.district = $1::text AND c.squad = $5::text AND c.quarter = $6::text
ORDER BY c."offset" DESC
LIMIT $7::bigint
