SELECT o.district, o."order", o.version, o.state, o.external, o.place, o.town, o.feed, o.external_id, o.category, o.urgency,
       o.activity, o.squad, o.squad_recorded, o.opened, o.placed, o.offered, o.accepted, o.checked_in, o.completed, o.ended,
       o.changed, o.satisfaction, o.people_served
FROM visible_orders($1::text, $2::text, $3::text, $4::text[]) o
WHERE ($5::text = '' OR o.state = $5::text)
  AND ($6::text = '' OR o.squad = $6::text)
  AND ($7::text = '' OR o.town = $7::text)
  AND ($8::text = '' OR o.place = $8::text)
  AND o."order" < $9::bigint
ORDER BY o."order" DESC
LIMIT $10::bigint
