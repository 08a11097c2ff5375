-- A lane that somebody else took meanwhile is refused by booking_lane_free, and the batch is done again.
INSERT INTO booking (district, assignment, ordinal, "order", squad, lane, during)
SELECT q.district, q.assignment, q.ordinal, q."order", q.squad, q.lane, tstzrange(q.starts, q.ends, '[)')
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::integer[]), unnest($4::bigint[]), unnest($5::text[]),
             unnest($6::integer[]), unnest($7::timestamptz[]), unnest($8::timestamptz[]))
    AS q(district, assignment, ordinal, "order", squad, lane, starts, ends)
