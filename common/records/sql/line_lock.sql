SELECT l.district, l.key, l.version
FROM unnest($1::text[], $2::text[]) AS q(district, key)
JOIN line l ON l.district = q.district AND l.key = q.key
ORDER BY l.district, l.key FOR UPDATE OF l
