-- Orders by what $8 names, the total first: a code or word they carry; the department that their squad belonged to when it was given
-- the order; the day, month, quarter or year in which they were opened, in the district's time zone ($9).
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
               WHEN 'department' THEN coalesce(s.department, '')
               WHEN 'day' THEN to_char(o.opened AT TIME ZONE $9::text, 'YYYY-MM-DD')
               WHEN 'month' THEN to_char(o.opened AT TIME ZONE $9::text, 'YYYY-MM')
               WHEN 'quarter' THEN to_char(o.opened AT TIME ZONE $9::text, 'YYYY"Q"Q')
               WHEN 'year' THEN to_char(o.opened AT TIME ZONE $9::text, 'YYYY')
           END AS name,
           o.state, o.external, o.satisfaction, o.people_served
    FROM visible_orders($1::text, $2::text, $3::text, $4::text[]) o
    LEFT JOIN squad_span s
        ON $8::text = 'department' AND s.district = o.district AND s.squad = o.squad
            AND o.squad_recorded >= s.since AND o.squad_recorded < s.until
    WHERE ($5::timestamptz IS NULL OR o.opened >= $5::timestamptz)
      AND ($6::timestamptz IS NULL OR o.opened < $6::timestamptz)
      AND ($7::text = '' OR o.feed = $7::text)
) AS g
GROUP BY GROUPING SETS ((g.name), ())
ORDER BY is_total DESC, g.name COLLATE "C"
LIMIT $10::bigint
