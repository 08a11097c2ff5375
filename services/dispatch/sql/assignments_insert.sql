INSERT INTO assignment (district, "order", id, squad, state, rank, version, respond_by, press_by, not_before, is_open)
SELECT q.district, q."order", q.id, q.squad, q.state, q.rank, q.version, q.respond_by, q.press_by, q.not_before, q.is_open
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::timestamptz[],
            $9::timestamptz[], $10::timestamptz[], $11::boolean[])
    AS q(district, "order", id, squad, state, rank, version, respond_by, press_by, not_before, is_open)
