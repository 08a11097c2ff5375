INSERT INTO district_quarter (district, quarter, counted, total)
SELECT q.district, q.quarter, q.counted, q.total
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS q(district, quarter, counted, total)
ON CONFLICT (district, quarter) DO UPDATE SET counted = excluded.counted, total = excluded.total
