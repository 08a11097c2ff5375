SELECT c."offset", c."order", c.place, c.satisfaction, c."time"
FROM counted c
WHERE c.district = $1::text AND c.squad = $2::text AND c.quarter = $3::text
ORDER BY c."offset" DESC
LIMIT $4::bigint
