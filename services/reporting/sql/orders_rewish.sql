-- Only for orders whose wish reads otherwise than before: submitted again, or with another placing body.
UPDATE orders o
SET town = q.town, category = q.category, urgency = q.urgency, activity = q.activity
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS q(district, "order", town, category, urgency, activity)
WHERE o.district = q.district AND o."order" = q."order"
