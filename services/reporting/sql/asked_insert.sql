-- A squad may be asked again after a reopening.
INSERT INTO asked (district, squad, "order")
SELECT q.district, q.squad, q."order"
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[])) AS q(district, squad, "order")
ON CONFLICT (district, squad, "order") DO NOTHING
