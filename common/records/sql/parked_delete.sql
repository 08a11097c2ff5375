DELETE FROM parked p USING unnest($1::text[], $2::text[], $3::bigint[]) AS q(district, key, version)
WHERE p.district = q.district AND p.key = q.key AND p.version = q.version
