-- The keys of these that have an event set aside: what follows it waits.
SELECT q.district, q.key
FROM unnest($1::text[], $2::text[]) AS q(district, key)
WHERE EXISTS (SELECT FROM poison p WHERE p.district = q.district AND p.key = q.key)
