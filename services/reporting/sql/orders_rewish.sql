-- Only for orders whose wish reads otherwise than before: submitted again, or with another placing body.
UPDATE orders o
SET town = q.town, category = q.category, urgency = q.urgency, activity = q.activity
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]))
    AS q(district, "order", town, category, urgency, activity)
WHERE o.district = q.district AND o."order" = q."order"
