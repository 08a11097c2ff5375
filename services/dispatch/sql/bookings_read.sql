-- What squads have booked in the windows that they are about to book (given, else their orders' wanted ones), what meets these
-- bookings, and so on: all that may have to change its lane. A span grows by those that meet it until it meets no more.
-- A squad is looked for by its number in booking_lane_free.
WITH RECURSIVE wanted AS (
    SELECT q.district, q.squad, hashtextextended(q.squad, hashtextextended(q.district, 0)) AS number,
           coalesce(q.starts, o.window_start) AS starts, coalesce(q.ends, o.window_end) AS ends
    FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::timestamptz[]), unnest($5::timestamptz[]))
        AS q(district, squad, "order", starts, ends)
    LEFT JOIN orders o ON o.district = q.district AND o.id = q."order"
), span(district, squad, number, starts, ends) AS (
    SELECT DISTINCT w.district, w.squad, w.number, w.starts, w.ends FROM wanted w WHERE w.starts < w.ends
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
SELECT DISTINCT b.district, b.squad, b.assignment, b.ordinal, b."order", b.lane, lower(b.during), upper(b.during)
FROM span s
JOIN booking b ON hashtextextended(b.squad, hashtextextended(b.district, 0)) = s.number AND b.during && tstzrange(s.starts, s.ends, '[)')
    AND b.squad = s.squad AND b.district = s.district
