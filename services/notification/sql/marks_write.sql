INSERT INTO order_mark (district, "order", urgency, feed)
SELECT n.district, n."order", n.urgency, n.feed
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS n(district, "order", urgency, feed)
ON CONFLICT (district, "order") DO UPDATE SET urgency = excluded.urgency, feed = excluded.feed
