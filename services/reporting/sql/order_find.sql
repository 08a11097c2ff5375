SELECT o.district, o."order", o.version, o.state, o.external, o.place, o.town, o.feed, o.external_id, o.category, o.urgency,
       o.activity, o.squad, o.squad_recorded, o.opened, o.placed, o.offered, o.accepted, o.checked_in, o.completed, o.ended,
       o.changed, o.satisfaction, o.people_served, coalesce(s.department, '') AS department
FROM orders o
LEFT JOIN squad_span s ON s.district = o.district AND s.squad = o.squad AND o.squad_recorded >= s.since AND o.squad_recorded < s.until
WHERE o.district = $1::text AND o."order" = $2::bigint
