-- All parts of the orders just read.
SELECT a.district, a."order", a.id, a.squad, a.state, a.rank, a.version, a.respond_by, a.press_by, a.not_before, a.seat, a.checked_in,
       a.completed, a.outcome
FROM (SELECT unnest($1::text[]), unnest($2::bigint[])) AS q(district, "order")
JOIN assignment a ON a.district = q.district AND a."order" = q."order"
