SELECT h."order", h.version, h.type, h."time", h.recorded, h."offset", h."by", h.trace, h.body, o.place
FROM history h
JOIN visible_orders($1::text, $2::text, $3::text, $4::text[]) o ON o.district = h.district AND o."order" = h."order"
WHERE h.district = $1::text AND h.producer = $5::text AND h.part = 0 AND h."offset" > $6::bigint AND h."offset" <= $7::bigint
  AND ($8::bigint = 0 OR h."order" = $8::bigint)
  AND ($9::text = '' OR EXISTS (
      SELECT FROM asked a WHERE a.district = h.district AND a.squad = $9::text AND a."order" = h."order"))
  AND ($10::text = '' OR o.town = $10::text)
  AND ($11::text = '' OR h.type = $11::text)
ORDER BY h."offset"
LIMIT $12::bigint
