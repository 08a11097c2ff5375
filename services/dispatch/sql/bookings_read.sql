-- What squads have booked in the windows that they are about to book (given, else their orders' wanted ones), what meets these
-- bookings, and so on: all that may have to change its lane. A span grows by those that meet it until it meets no more; one that met
-- nothing is not looked for again. A squad is looked for by its number in booking_lane_free.
WITH RECURSIVE asked AS (
    SELECT q.district, q.squad, hashtextextended(q.squad, hashtextextended(q.district, 0)) AS number,
           coalesce(q.starts, (SELECT o.window_start FROM orders o WHERE o.district = q.district AND o.id = q."order")) AS starts,
           coalesce(q.ends, (SELECT o.window_end FROM orders o WHERE o.district = q.district AND o.id = q."order")) AS ends
    FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::timestamptz[]), unnest($5::timestamptz[]))
        AS q(district, squad, "order", starts, ends)
), met AS MATERIALIZED (
    SELECT w.number, w.starts AS wanted_starts, w.ends AS wanted_ends, b.district, b.squad, b.assignment, b.ordinal, b."order", b.lane,
           lower(b.during) AS starts, upper(b.during) AS ends
    FROM (SELECT DISTINCT a.* FROM asked a WHERE a.starts < a.ends) w
    JOIN booking b ON hashtextextended(b.squad, hashtextextended(b.district, 0)) = w.number
        AND b.during && tstzrange(w.starts, w.ends, '[)') AND b.squad = w.squad AND b.district = w.district
), span(district, squad, number, starts, ends) AS (
    SELECT m.district, m.squad, m.number, least(m.wanted_starts, min(m.starts)), greatest(m.wanted_ends, max(m.ends))
    FROM met m
    GROUP BY m.district, m.squad, m.number, m.wanted_starts, m.wanted_ends
    HAVING min(m.starts) < m.wanted_starts OR max(m.ends) > m.wanted_ends
    UNION
    SELECT s.district, s.squad, s.number, least(s.starts, m.starts), greatest(s.ends, m.ends)
    FROM span s
    CROSS JOIN LATERAL (
        SELECT min(lower(b.during)) AS starts, max(upper(b.during)) AS ends
        FROM booking b
        WHERE hashtextextended(b.squad, hashtextextended(b.district, 0)) = s.number AND b.during && tstzrange(s.starts, s.ends, '[)')
          AND b.squad = s.squad AND b.district = s.district) AS m
    WHERE m.starts < s.starts OR m.ends > s.ends
)
SELECT m.district, m.squad, m.assignment, m.ordinal, m."order", m.lane, m.starts, m.ends
FROM met m
UNION
SELECT b.district, b.squad, b.assignment, b.ordinal, b."order", b.lane, lower(b.during), upper(b.during)
FROM span s
JOIN booking b ON hashtextextended(b.squad, hashtextextended(b.district, 0)) = s.number AND b.during && tstzrange(s.starts, s.ends, '[)')
    AND b.squad = s.squad AND b.district = s.district
