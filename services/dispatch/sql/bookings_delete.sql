-- Bookings given back, and those that are written again in another lane; ordinal -1: all of the assignment.
DELETE FROM booking b USING (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::integer[])) AS q(district, assignment, ordinal)
WHERE b.district = q.district AND b.assignment = q.assignment AND (q.ordinal < 0 OR b.ordinal = q.ordinal)
