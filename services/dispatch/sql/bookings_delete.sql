DELETE FROM booking b USING unnest($1::text[], $2::bigint[]) AS q(district, assignment)
WHERE b.district = q.district AND b.assignment = q.assignment
