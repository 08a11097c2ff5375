INSERT INTO district_quarter (district, quarter, counted, total)
SELECT q.district, q.quarter, q.counted, q.total
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::bigint[])) AS q(district, quarter, counted, total)
ON CONFLICT (district, quarter) DO UPDATE SET counted = excluded.counted, total = excluded.total
