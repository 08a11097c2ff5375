INSERT INTO stars (district, quarter, squad, version, scheme, stars, counted, total, rated)
SELECT q.district, q.quarter, q.squad, q.version, q.scheme, q.stars, q.counted, q.total, q.rated
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::text[]), unnest($6::integer[]),
             unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::timestamptz[]))
    AS q(district, quarter, squad, version, scheme, stars, counted, total, rated)
ON CONFLICT (district, quarter, squad) DO UPDATE
    SET version = excluded.version, scheme = excluded.scheme, stars = excluded.stars, counted = excluded.counted,
        total = excluded.total, rated = excluded.rated
