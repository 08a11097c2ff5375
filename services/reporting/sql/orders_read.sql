-- Not locked: nobody but the lease's holder writes here, and the batch holds the lease's row.
SELECT o.district, o."order", o.version, o.state, o.external, o.place, o.town, o.feed, o.external_id, o.category, o.urgency,
       o.activity, o.squad, o.squad_recorded, o.opened, o.placed, o.offered, o.accepted, o.checked_in, o.completed, o.ended,
       o.changed, o.satisfaction, o.people_served
FROM (SELECT unnest($1::text[]), unnest($2::bigint[])) AS q(district, "order")
JOIN orders o ON o.district = q.district AND o."order" = q."order"
