UPDATE assignment a
SET state = q.state, is_open = q.is_open, seat = q.seat, checked_in = q.checked_in, completed = q.completed,
    outcome = nullif(q.outcome, '')
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::boolean[], $6::integer[], $7::timestamptz[], $8::timestamptz[],
            $9::bytea[])
    AS q(district, "order", id, state, is_open, seat, checked_in, completed, outcome)
WHERE a.district = q.district AND a."order" = q."order" AND a.id = q.id
