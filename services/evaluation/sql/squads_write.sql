INSERT INTO squad_quarter (district, quarter, squad, counted, total, stars, version)
SELECT q.district, q.quarter, q.squad, q.counted, q.total, q.stars, q.version
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::integer[], $7::bigint[])
    AS q(district, quarter, squad, counted, total, stars, version)
ON CONFLICT (district, quarter, squad) DO UPDATE
    SET counted = excluded.counted, total = excluded.total, stars = excluded.stars, version = excluded.version
