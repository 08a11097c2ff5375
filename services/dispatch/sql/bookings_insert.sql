-- A lane that somebody else took meanwhile is refused by booking_lane_free, and the batch is done again.
INSERT INTO booking (district, assignment, ordinal, "order", squad, lane, during)
SELECT q.district, q.assignment, q.ordinal, q."order", q.squad, q.lane, tstzrange(q.starts, q.ends, '[)')
FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::integer[], $7::timestamptz[], $8::timestamptz[])
    AS q(district, assignment, ordinal, "order", squad, lane, starts, ends)
