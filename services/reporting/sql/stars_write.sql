INSERT INTO stars (district, quarter, squad, version, scheme, stars, counted, total, rated)
SELECT q.district, q.quarter, q.squad, q.version, q.scheme, q.stars, q.counted, q.total, q.rated
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::integer[], $7::bigint[], $8::bigint[],
            $9::timestamptz[])
    AS q(district, quarter, squad, version, scheme, stars, counted, total, rated)
ON CONFLICT (district, quarter, squad) DO UPDATE
    SET version = excluded.version, scheme = excluded.scheme, stars = excluded.stars, counted = excluded.counted,
        total = excluded.total, rated = excluded.rated
