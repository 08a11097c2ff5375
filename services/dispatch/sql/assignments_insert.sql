INSERT INTO assignment (district, "order", id, squad, state, rank, version, respond_by, press_by, not_before, is_open, seat, checked_in,
                        completed, outcome)
SELECT q.district, q."order", q.id, q.squad, q.state, q.rank, q.version, q.respond_by, q.press_by, q.not_before, q.is_open, q.seat,
       q.checked_in, q.completed, nullif(q.outcome, '')
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::timestamptz[],
            $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::integer[], $13::timestamptz[], $14::timestamptz[], $15::bytea[])
    AS q(district, "order", id, squad, state, rank, version, respond_by, press_by, not_before, is_open, seat, checked_in, completed,
         outcome)
