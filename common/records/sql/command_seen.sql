SELECT q.number, c.digest, c.answer
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS q(district, caller, id, number)
JOIN command c ON c.district = q.district AND c.caller = q.caller AND c.id = q.id
