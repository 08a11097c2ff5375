-- $2 to $4: what the caller may see (core_view.h).
SELECT o.district, o."order", o.version, o.state, o.external, o.place, o.town, o.feed, o.external_id, o.category, o.urgency,
       o.activity, o.squad, o.squad_recorded, o.opened, o.placed, o.offered, o.accepted, o.checked_in, o.completed, o.ended,
       o.changed, o.satisfaction, o.people_served
FROM orders o
WHERE o.district = $1::text
  AND CASE $2::text
          WHEN 'all' THEN true
          WHEN 'town' THEN o.town = $3::text
          WHEN 'feed' THEN o.feed = $3::text
          WHEN 'place' THEN o.place = ANY ($4::text[])
          WHEN 'squad' THEN o."order" IN (SELECT a."order" FROM asked a WHERE a.district = $1::text AND a.squad = ANY ($4::text[]))
          ELSE false
      END
  AND ($5::text = '' OR o.state = $5::text)
  AND ($6::text = '' OR o.squad = $6::text)
  AND ($7::text = '' OR o.town = $7::text)
  AND ($8::text = '' OR o.place = $8::text)
  AND o."order" < $9::bigint
ORDER BY o."order" DESC
LIMIT $10::bigint
