SELECT h.version, h.type, h."time", h.recorded, h.producer, h.part, h."offset", h."by", h.trace, h.body
FROM history h
WHERE h.district = $1::text AND h."order" = $2::bigint
ORDER BY h.version
LIMIT $3::bigint
