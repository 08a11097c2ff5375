INSERT INTO squad_quarter (district, quarter, squad, counted, total, stars, version)
SELECT q.district, q.quarter, q.squad, q.counted, q.total, q.stars, q.version
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::integer[]),
             unnest($7::bigint[])) AS q(district, quarter, squad, counted, total, stars, version)
ON CONFLICT (district, quarter, squad) DO UPDATE
    SET counted = excluded.counted, total = excluded.total, stars = excluded.stars, version = excluded.version
