INSERT INTO order_mark (district, "order", urgency, feed)
SELECT n.district, n."order", n.urgency, n.feed
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[])) AS n(district, "order", urgency, feed)
ON CONFLICT (district, "order") DO UPDATE SET urgency = excluded.urgency, feed = excluded.feed
