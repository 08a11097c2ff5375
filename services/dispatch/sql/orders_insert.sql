INSERT INTO orders (district, id, place, town, feed, external, urgency, window_start, window_end, candidates, asked, required, state,
                    version)
SELECT q.district, q.id, q.place, q.town, q.feed, q.external, q.urgency, q.window_start, q.window_end,
       string_to_array(q.candidates, E'\x1F'), q.asked, q.required, q.state, q.version
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::boolean[]),
             unnest($7::text[]), unnest($8::timestamptz[]), unnest($9::timestamptz[]), unnest($10::text[]), unnest($11::integer[]),
             unnest($12::integer[]), unnest($13::text[]), unnest($14::bigint[]))
    AS q(district, id, place, town, feed, external, urgency, window_start, window_end, candidates, asked, required, state, version)
