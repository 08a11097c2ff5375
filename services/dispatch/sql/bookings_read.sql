-- What squads have booked in the windows that they are about to book: given, else their orders' wanted ones.
SELECT b.district, b.squad, b.assignment, b."order", b.lane, lower(b.during), upper(b.during)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[]) AS q(district, squad, "order", starts, ends)
LEFT JOIN orders o ON o.district = q.district AND o.id = q."order"
CROSS JOIN LATERAL (SELECT coalesce(q.starts, o.window_start) AS starts, coalesce(q.ends, o.window_end) AS ends) AS w
JOIN booking b ON b.district = q.district AND b.squad = q.squad
    AND b.during && CASE WHEN w.starts < w.ends THEN tstzrange(w.starts, w.ends, '[)') ELSE 'empty'::tstzrange END
