-- Orders by the day, month, quarter or year ($8) in which they were opened, in the district's time zone ($9), the total first.
SELECT grouping(g.period) = 1 AS is_total,
       coalesce(to_char(g.period, CASE $8::text
                                      WHEN 'day' THEN 'YYYY-MM-DD'
                                      WHEN 'month' THEN 'YYYY-MM'
                                      WHEN 'quarter' THEN 'YYYY"Q"Q'
                                      ELSE 'YYYY'
                                  END), '') AS name,
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
    SELECT date_trunc($8::text, o.opened AT TIME ZONE $9::text) AS period, o.state, o.external, o.satisfaction, o.people_served
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
GROUP BY GROUPING SETS ((g.period), ())
ORDER BY is_total DESC, g.period
LIMIT $10::bigint
