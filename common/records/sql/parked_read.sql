SELECT p.producer, p."offset", p.type, p.version, p.district, p.key, p."time", p.recorded, p.traceparent, p.body
FROM unnest($1::text[], $2::text[]) AS q(district, key)
JOIN parked p ON p.district = q.district AND p.key = q.key
ORDER BY p.district, p.key, p.version
