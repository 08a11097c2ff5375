INSERT INTO orders (district, id, place, town, feed, external, urgency, window_start, window_end, candidates, asked, required, state, version)
SELECT q.district, q.id, q.place, q.town, q.feed, q.external, q.urgency, q.window_start, q.window_end,
       string_to_array(q.candidates, E'\x1F'), q.asked, q.required, q.state, q.version
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::timestamptz[], $9::timestamptz[],
            $10::text[], $11::integer[], $12::integer[], $13::text[], $14::bigint[])
    AS q(district, id, place, town, feed, external, urgency, window_start, window_end, candidates, asked, required, state, version)
