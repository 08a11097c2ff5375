INSERT INTO assignment (district, "order", id, squad, state, rank, version, respond_by, press_by, not_before, is_open, seat, checked_in,
                        completed, outcome)
SELECT q.district, q."order", q.id, q.squad, q.state, q.rank, q.version, q.respond_by, q.press_by, q.not_before, q.is_open, q.seat,
       q.checked_in, q.completed, nullif(q.outcome, '')
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]), unnest($6::integer[]),
             unnest($7::bigint[]), unnest($8::timestamptz[]), unnest($9::timestamptz[]), unnest($10::timestamptz[]), unnest($11::boolean[]),
             unnest($12::integer[]), unnest($13::timestamptz[]), unnest($14::timestamptz[]), unnest($15::bytea[]))
    AS q(district, "order", id, squad, state, rank, version, respond_by, press_by, not_before, is_open, seat, checked_in, completed,
         outcome)
