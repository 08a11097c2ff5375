-- A squad may be asked again after a reopening.
INSERT INTO asked (district, squad, "order")
SELECT q.district, q.squad, q."order"
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS q(district, squad, "order")
ON CONFLICT (district, squad, "order") DO NOTHING
