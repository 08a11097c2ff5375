UPDATE line l SET version = q.version
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS q(district, key, version)
WHERE l.district = q.district AND l.key = q.key
