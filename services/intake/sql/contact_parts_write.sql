-- Who was asked is kept of every order. What became of it only matters where there is contact data to show, and that is given before
-- the first squad is asked (order.def).
INSERT INTO contact_part (district, "order", assignment, squad, standing, ended)
SELECT q.district, q."order", q.assignment, q.squad, q.standing, q.ended
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]),
             unnest($6::timestamptz[]), unnest($7::boolean[]))
    AS q(district, "order", assignment, squad, standing, ended, is_first)
WHERE q.is_first OR EXISTS (SELECT FROM contact c WHERE c.district = q.district AND c."order" = q."order")
ON CONFLICT (district, "order", assignment) DO UPDATE SET standing = excluded.standing, ended = excluded.ended
