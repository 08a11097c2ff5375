-- Orders by a code or word they carry ($8), the total first. $2 to $4: what the caller may see.
SELECT grouping(g.name) = 1 AS is_total, coalesce(g.name, '') AS name,
       count(*) AS orders,
       count(*) FILTER (WHERE g.state NOT IN ('closed', 'cancelled', 'withdrawn')) AS open,
       count(*) FILTER (WHERE g.state = 'closed') AS closed,
       count(*) FILTER (WHERE g.state = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE g.state = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE g.external) AS external,
       count(*) FILTER (WHERE g.external AND g.state <> 'closed') AS external_open,
       count(*) FILTER (WHERE g.external AND g.state = 'closed') AS external_closed,
       count(*) FILTER (WHERE g.satisfaction > 0) AS confirmed,
       coalesce(sum(g.satisfaction), 0)::bigint AS satisfaction_total,
       coalesce(sum(g.people_served), 0)::bigint AS people_served
FROM (
    SELECT CASE $8::text
               WHEN 'squad' THEN o.squad
               WHEN 'town' THEN o.town
               WHEN 'category' THEN o.category
               WHEN 'state' THEN o.state
               WHEN 'feed' THEN o.feed
           END AS name,
           o.state, o.external, o.satisfaction, o.people_served
    FROM orders o
    WHERE o.district = $1::text
      AND CASE $2::text
              WHEN 'all' THEN true
              WHEN 'town' THEN o.town = $3::text
              WHEN 'feed' THEN o.feed = $3::text
              WHEN 'place' THEN o.place = ANY ($4::text[])
              WHEN 'squad' THEN o."order" IN (SELECT a."order" FROM asked a WHERE a.district = $1::text AND a.squad = ANY ($4::text[]))
              ELSE false
          END
      AND ($5::timestamptz IS NULL OR o.opened >= $5::timestamptz)
      AND ($6::timestamptz IS NULL OR o.opened < $6::timestamptz)
      AND ($7::text = '' OR o.feed = $7::text)
) AS g
GROUP BY GROUPING SETS ((g.name), ())
ORDER BY is_total DESC, g.name COLLATE "C"
LIMIT $9::bigint
