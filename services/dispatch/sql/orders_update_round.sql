-- The few whose candidates are others than before: assigned by the committee, or reopened.
UPDATE orders o SET candidates = string_to_array(q.candidates, E'\x1F'), asked = q.asked, state = q.state, version = q.version
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::integer[]), unnest($5::text[]), unnest($6::bigint[]))
    AS q(district, id, candidates, asked, state, version)
WHERE o.district = q.district AND o.id = q.id
