-- The squads of a quarter with the sums of the whole district, which stand in every row.
SELECT s.squad, s.scheme, s.stars, s.counted, s.total, s.district_counted, s.district_total
FROM (
    SELECT squad, scheme, stars, counted, total, (sum(counted) OVER ())::bigint AS district_counted,
           (sum(total) OVER ())::bigint AS district_total
    FROM stars
    WHERE district = $1::text AND quarter = $2::text
) AS s
WHERE $3::text = '' OR s.squad = $3::text
ORDER BY s.squad COLLATE "C"
LIMIT $4::bigint
