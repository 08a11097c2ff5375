-- A lane that somebody else took meanwhile loses here, is missing from what is returned, and the batch is done again.
INSERT INTO booking (district, assignment, "order", squad, lane, during)
SELECT q.district, q.assignment, q."order", q.squad, q.lane, tstzrange(q.starts, q.ends, '[)')
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::integer[], $6::timestamptz[], $7::timestamptz[])
    AS q(district, assignment, "order", squad, lane, starts, ends)
ON CONFLICT DO NOTHING
RETURNING assignment
