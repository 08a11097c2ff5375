SELECT s.district, s.quarter, s.squad, s.counted, s.total, s.stars, s.version
FROM (SELECT unnest($1::text[]), unnest($2::text[])) AS q(district, quarter)
JOIN squad_quarter s ON s.district = q.district AND s.quarter = q.quarter
ORDER BY s.district, s.quarter, s.squad
