SELECT q.number, c.digest, c.answer
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), generate_subscripts($1::text[], 1))
    AS q(district, caller, id, number)
JOIN command c ON c.district = q.district AND c.caller = q.caller AND c.id = q.id
