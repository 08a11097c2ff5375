INSERT INTO contact_part (district, "order", assignment, squad, standing, ended)
SELECT q.district, q."order", q.assignment, q.squad, q.standing, q.ended
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]),
             unnest($6::timestamptz[])) AS q(district, "order", assignment, squad, standing, ended)
ON CONFLICT (district, "order", assignment) DO UPDATE SET standing = excluded.standing, ended = excluded.ended
