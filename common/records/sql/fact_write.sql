INSERT INTO directory_fact (district, key, version, type, body)
SELECT q.district, q.key, q.version, q.type, q.body
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bytea[]) AS q(district, key, version, type, body)
ON CONFLICT (district, key) DO UPDATE SET version = excluded.version, type = excluded.type, body = excluded.body
