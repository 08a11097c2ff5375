SELECT m.district, m."order", m.urgency, m.feed
FROM (SELECT unnest($1::text[]), unnest($2::bigint[])) AS n(district, "order")
JOIN order_mark m USING (district, "order")
