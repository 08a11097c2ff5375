UPDATE assignment a
SET state = q.state, is_open = q.is_open, seat = q.seat, checked_in = q.checked_in, completed = q.completed,
    outcome = nullif(q.outcome, '')
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::boolean[]),
             unnest($6::integer[]), unnest($7::timestamptz[]), unnest($8::timestamptz[]), unnest($9::bytea[]))
    AS q(district, "order", id, state, is_open, seat, checked_in, completed, outcome)
WHERE a.district = q.district AND a."order" = q."order" AND a.id = q.id
