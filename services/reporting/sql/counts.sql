-- Orders and sessions by what $8 names, the total first: a code or word they carry; the department that their squad belonged to when
-- it was given the order or served; the day, month, quarter or year, in the district's time zone ($9), in which orders were opened and
-- sessions began. A session of several squads counts for each of them, and for each of their departments, once; in the total once.
WITH orders_by AS (
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
), sessions_by AS (
    SELECT grouping(g.name) = 1 AS is_total, coalesce(g.name, '') AS name,
           count(DISTINCT g.session) FILTER (WHERE g.kind = 'joint') AS joint,
           count(DISTINCT g.session) FILTER (WHERE g.kind = 'single') AS single
    FROM (
        SELECT CASE $8::text
                   WHEN 'squad' THEN q.squad
                   WHEN 'town' THEN e.town
                   WHEN 'category' THEN o.category
                   WHEN 'state' THEN o.state
                   WHEN 'feed' THEN o.feed
                   WHEN 'department' THEN coalesce(s.department, '')
                   WHEN 'day' THEN to_char(e.started AT TIME ZONE $9::text, 'YYYY-MM-DD')
                   WHEN 'month' THEN to_char(e.started AT TIME ZONE $9::text, 'YYYY-MM')
                   WHEN 'quarter' THEN to_char(e.started AT TIME ZONE $9::text, 'YYYY"Q"Q')
                   WHEN 'year' THEN to_char(e.started AT TIME ZONE $9::text, 'YYYY')
               END AS name,
               e.session, e.kind
        FROM session e
        JOIN visible_orders($1::text, $2::text, $3::text, $4::text[]) o ON o."order" = e."order"
        CROSS JOIN LATERAL unnest(CASE WHEN $8::text IN ('squad', 'department') THEN e.squads ELSE ARRAY[''] END) AS q(squad)
        LEFT JOIN squad_span s
            ON $8::text = 'department' AND s.district = e.district AND s.squad = q.squad
                AND e.recorded >= s.since AND e.recorded < s.until
        WHERE e.district = $1::text
          AND ($5::timestamptz IS NULL OR e.started >= $5::timestamptz)
          AND ($6::timestamptz IS NULL OR e.started < $6::timestamptz)
          AND ($7::text = '' OR o.feed = $7::text)
    ) AS g
    GROUP BY GROUPING SETS ((g.name), ())
)
SELECT coalesce(o.is_total, s.is_total) AS is_total, coalesce(o.name, s.name) AS name,
       coalesce(o.orders, 0) AS orders, coalesce(o.open, 0) AS open, coalesce(o.closed, 0) AS closed,
       coalesce(o.cancelled, 0) AS cancelled, coalesce(o.withdrawn, 0) AS withdrawn, coalesce(o.external, 0) AS external,
       coalesce(o.external_open, 0) AS external_open, coalesce(o.external_closed, 0) AS external_closed,
       coalesce(o.confirmed, 0) AS confirmed, coalesce(o.satisfaction_total, 0) AS satisfaction_total,
       coalesce(o.people_served, 0) AS people_served, coalesce(s.joint, 0) AS joint, coalesce(s.single, 0) AS single
FROM orders_by o
FULL JOIN sessions_by s ON s.is_total = o.is_total AND s.name = o.name
ORDER BY coalesce(o.is_total, s.is_total) DESC, coalesce(o.name, s.name) COLLATE "C"
LIMIT $10::bigint
